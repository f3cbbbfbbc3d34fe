"""`keyhouse notices`: what alerts have sent, or could not send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import opened
from keyhouse.control import notices
from keyhouse.domain.errors import invalid, shown
from keyhouse.domain.notices import Notice, NoticeState

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    state: Annotated[str | None, typer.Option(help="Only those that are waiting, delivered or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The most notices to show.")] = 50,
    after: Annotated[str | None, typer.Option(help="Go on after the notice with this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists notices, newest first, and what became of them."""
    states = [known.value for known in NoticeState]
    if state is not None and state not in states:
        raise invalid("--state", f"'--state' must be one of {', '.join(states)}, not '{shown(state)}'.")
    with opened(ctx) as house:
        page = notices.list_page(house.control, house.caller, state=state, after=after, limit=limit)
    _print(page.items, as_json=as_json, many=True)
    if page.has_more:
        output.say(f"There are more: --after {page.items[-1].id}")


@app.command()
def show(
    ctx: typer.Context,
    notice: Annotated[str, typer.Argument(help="The notice's id.")],
    as_json: AsJson = False,
) -> None:
    """Shows a notice, and what became of it."""
    with opened(ctx) as house:
        found = notices.show(house.control, house.caller, notice)
    _print([found], as_json=as_json)


@app.command()
def secret(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Makes a new secret for webhooks' signatures, and shows it this one time. The one before ends at once."""
    with opened(ctx) as house:
        value = notices.new_secret(house.control, house.caller)
    if as_json:
        output.json({"object": "organization.webhook_secret", "value": value})
        return
    output.say("Webhooks are signed with this secret from now on. It is not shown again:")
    output.secret(value)


def _print(found: Sequence[Notice], *, as_json: bool, many: bool = False) -> None:
    if as_json:
        shapes = [notices.notice(item) for item in found]
        output.json(shapes if many else shapes[0])
        return
    rows = [
        [
            output.moment(n.created_at),
            n.kind.value,
            n.destination,
            n.about,
            n.state.value,
            str(n.attempts),
            n.last_error,
        ]
        for n in found
    ]
    output.table(("AT", "BY", "TO", "ABOUT", "STATE", "ATTEMPTS", "LAST ERROR"), rows)
