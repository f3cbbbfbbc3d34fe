"""`keyhouse audit`: who did what, and whether the log is whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import House, opened
from keyhouse.cli.usage import parse_time
from keyhouse.control import anchors, audit
from keyhouse.control.audit import Wanted
from keyhouse.control.audit_objects import audit_event
from keyhouse.control.naming import find_project
from keyhouse.domain.audit import Actor
from keyhouse.domain.errors import invalid

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

_SHOWN = 20

Since = Annotated[str | None, typer.Option(help="From when on: 30m, 24h, 7d, 4w, 2026-01-31, or Unix seconds.")]
Until = Annotated[str | None, typer.Option(help="Until when, not included, in the same forms.")]
Events = Annotated[list[str] | None, typer.Option("--event", help="Only events of this type; repeatable.")]
Projects = Annotated[list[str] | None, typer.Option("--project", help="Only this project, by id or name; repeatable.")]
Actors = Annotated[
    list[str] | None,
    typer.Option("--actor", help="Only by this user, service account or key (id), or operator; repeatable."),
]
Emails = Annotated[list[str] | None, typer.Option("--email", help="Only by who had this e-mail address; repeatable.")]
Objects = Annotated[
    list[str] | None, typer.Option("--object", help="Only what was done to this object (id); repeatable.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    since: Since = None,
    until: Until = None,
    event: Events = None,
    project: Projects = None,
    actor: Actors = None,
    email: Emails = None,
    object_: Objects = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The most events to show.")] = 50,
    after: Annotated[str | None, typer.Option(help="Go on after the event with this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists audit events, newest first."""
    with opened(ctx) as house:
        wanted = _wanted(house, since, until, project, Wanted(None, None, event, None, object_, actor, email))
        page = audit.list_page(house.control, house.caller, wanted, after=after, limit=limit)
    if as_json:
        output.json([audit_event(item) for item in page.items])
    else:
        rows = [[output.moment(e.at), e.type.value, e.object_id, _who(e.actor), e.actor.address] for e in page.items]
        output.table(("AT", "EVENT", "OBJECT", "BY", "FROM"), rows)
    if page.has_more:
        output.say(f"There are more: --after {page.items[-1].id}")


@app.command()
def export(
    ctx: typer.Context,
    *,
    since: Since = None,
    until: Until = None,
    event: Events = None,
    project: Projects = None,
    actor: Actors = None,
    email: Emails = None,
    object_: Objects = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON lines: the one form there is.")] = True,  # noqa: ARG001
) -> None:
    """Writes audit events to stdout, oldest first, one JSON object in the shape of the API on each line."""
    import msgspec

    with opened(ctx) as house:
        wanted = _wanted(house, since, until, project, Wanted(None, None, event, None, object_, actor, email))
        for item in audit.export(house.control, house.caller, wanted):
            typer.echo(msgspec.json.encode(audit_event(item)))


@app.command()
def anchor(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Option(help="Append it to this file instead.")] = None,
) -> None:
    """Prints the head of the log's seals, to be kept where this machine cannot change it: one line of JSON."""
    with opened(ctx) as house:
        line = anchors.line(audit.head(house.control))
    if file is None:
        typer.echo(line)
        return
    try:
        with file.open("a") as kept:
            kept.write(f"{line}\n")
    except OSError as error:
        raise invalid("--file", f"'{file}' cannot be written: {error.strerror}.") from None


@app.command()
def verify(
    ctx: typer.Context,
    anchor: Annotated[Path | None, typer.Option(help="Hold the log to the anchors in this file, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Holds every event to its seal, and every seal to the one before it. Exits with 1 if anything does not fit."""
    with opened(ctx) as house:
        found = audit.verify(house.control, _lines(anchor))
        problems = list(islice(found, _SHOWN))
        more = sum(1 for _ in found)
        number = audit.last_seal(house.control)
    if as_json:
        output.json({"ok": not problems, "seal": number, "problems": problems, "more_problems": more})
    else:
        for problem in problems:
            typer.echo(problem)
        if more:
            typer.echo(f"And {more} more.")
    if problems:
        raise typer.Exit(1)
    output.say(f"The audit log is whole: seal {number}, and every one before it, fits its events.")


def _wanted(house: House, since: str | None, until: str | None, projects: list[str] | None, wanted: Wanted) -> Wanted:
    now = house.control.clock()
    ids = None if projects is None else [find_project(house.control, house.caller, text).id for text in projects]
    begin = None if since is None else parse_time("since", since, now, align=1)
    end = None if until is None else parse_time("until", until, now, align=1)
    return replace(wanted, since=begin, until=end, project_ids=ids)


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        return file.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        raise invalid("--anchor", f"'{file}' cannot be read.") from None


def _who(actor: Actor) -> str:
    words = (actor.kind, actor.email or actor.user_id or actor.service_account_id, actor.key_id)
    return " ".join(word for word in words if word is not None)
