"""`keyhouse backup` and `keyhouse restore`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import session, whole
from keyhouse.control import backup as copies
from keyhouse.domain.errors import invalid, shown

app = typer.Typer(rich_markup_mode=None, add_completion=False)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The copy; FILE.secrets stands beside it.")]
FromEnv = Annotated[str | None, typer.Option(metavar="VAR", help="Read the passphrase from this variable.")]
FromStdin = Annotated[bool, typer.Option("--passphrase-stdin", help="Read the passphrase from stdin.")]


@app.command()
def backup(ctx: typer.Context, file: File, passphrase_env: FromEnv = None, passphrase_stdin: FromStdin = False) -> None:
    """Copies a house, running or not: its databases into FILE, its peppers and master keys, encrypted, into FILE.secrets."""
    passphrase = _passphrase(ctx, passphrase_env, from_stdin=passphrase_stdin, twice=True)
    with whole(ctx) as house:
        written = copies.backup(house.control, file, house.secret_files, passphrase)
    output.say(
        f"Wrote {' and '.join(map(str, written))}. Without the second, or its passphrase, the first is of no use."
    )


@app.command()
def restore(
    ctx: typer.Context, file: File, passphrase_env: FromEnv = None, passphrase_stdin: FromStdin = False
) -> None:
    """Fills an empty data directory from FILE and FILE.secrets."""
    passphrase = _passphrase(ctx, passphrase_env, from_stdin=passphrase_stdin, twice=False)
    running = session(ctx)
    data = running.doors.data_directory(running.options)
    copies.restore(file, data, passphrase)
    output.say(f"Restored into {data}.")


def _passphrase(ctx: typer.Context, variable: str | None, *, from_stdin: bool, twice: bool) -> str:
    if from_stdin and variable is not None:
        raise invalid("--passphrase-stdin", "'--passphrase-stdin' and '--passphrase-env' exclude each other.")
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if variable is None:
        entered: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True)
        return entered
    value = session(ctx).doors.environ.get(variable)
    if not value:
        raise invalid("--passphrase-env", f"The environment has no variable '{shown(variable)}', or it is empty.")
    return value
