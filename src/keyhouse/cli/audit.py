"""`keyhouse audit`: who did what."""

from __future__ import annotations

from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import opened
from keyhouse.control import audit, objects

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)


@app.command("list")
def list_(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The most events to show.")] = 50,
    after: Annotated[str | None, typer.Option(help="Go on after the event with this id.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Lists audit events, newest first."""
    with opened(ctx) as house:
        page = audit.list_page(house.control, house.caller, after=after, limit=limit)
    if as_json:
        output.json([objects.audit_event(event) for event in page.items])
    else:
        rows = [
            [output.moment(e.at), e.type.value, e.object_id, _who(e.actor.kind, e.actor.key_id)] for e in page.items
        ]
        output.table(("AT", "EVENT", "OBJECT", "BY"), rows)
    if page.has_more:
        output.say(f"There are more: --after {page.items[-1].id}")


def _who(kind: str, key_id: str | None) -> str:
    return kind if key_id is None else f"{kind} {key_id}"


@app.callback()
def _group() -> None:
    """Who did what."""
