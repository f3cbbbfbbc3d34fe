"""`keyhouse doctor`: what is wrong with this installation."""

from __future__ import annotations

from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import session
from keyhouse.control.doctor import examine

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Says what is wrong with this installation, whether a gateway runs on it or not. Exits with 1 if anything is.

    Adds up the whole ledger: with millions of calls this takes a while.
    """
    running = session(ctx)
    checks = []
    for check in examine(running.doors.installation(running.options)):
        checks.append(check)
        if not as_json:
            typer.echo(f"{'problem' if check.problems else 'ok':9}{check.name}")
            for problem in check.problems:
                typer.echo(f"         {problem}")
    ok = not any(check.problems for check in checks)
    if as_json:
        shown = [{"name": c.name, "ok": not c.problems, "problems": c.problems} for c in checks]
        output.json({"ok": ok, "checks": shown})
    if not ok:
        raise typer.Exit(1)


@app.callback()
def _group() -> None:
    """With it, typer keeps the command's name although it is the only one."""
