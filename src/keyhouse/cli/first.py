"""`keyhouse init` and `keyhouse up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import session

if TYPE_CHECKING:  # what `init` prints is made behind the doors
    from keyhouse.control.setup import FirstFacts

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def init(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the first facts as one JSON object.")] = False,
) -> None:
    """Creates the data directory, an organization, its Default project, an owner and two keys, and prints them once."""
    running = session(ctx)
    print_facts(running.doors.initialise(running.options), as_json=as_json)


@app.command()
def up(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 lets the system choose.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes. Only 1 for now.")] = None,
    no_local_model: Annotated[
        bool, typer.Option("--no-local-model", help="Start without the built-in models, and fetch nothing.")
    ] = False,
) -> None:
    """Runs the gateway and the administration API on one port; a new data directory is initialised first."""
    running = session(ctx)
    given = {"host": host, "port": port, "workers": workers, "local_model": "off" if no_local_model else None}
    raise typer.Exit(running.doors.serve({**running.options, **given}))


def print_facts(facts: FirstFacts, *, as_json: bool) -> None:
    """What an organization is entered with, on stdout, once."""
    if as_json:
        output.json(facts.as_json())
        return
    for name, value in facts.as_json().items():
        typer.echo(f"{name.replace('_', ' '):16} {'–' if value is None else value}")
    if facts.owner_password is None:
        output.say("The house knows the owner, whose password stays as it is.")
    output.say("These secrets are shown once: keep them now.")
