"""What commands print: results on stdout, everything else on stderr; JSON on request; tables drawn where a person looks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import typer

from keyhouse.domain.errors import shown

_NONE = "–"


def say(sentence: str) -> None:
    """A sentence for the person, on stderr."""
    typer.echo(sentence, err=True)


def secret(value: str) -> None:
    """A secret alone on its line, on stdout: `KEY=$(keyhouse keys create …)` takes it."""
    typer.echo(value)


def json(value: object) -> None:
    """One JSON value on stdout."""
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(heads: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    """Rows under their heads on stdout: drawn by rich on a terminal, columns of plain text (no tabs) where it is piped."""
    cells = [[_NONE if cell is None else shown(cell, 200) for cell in row] for row in rows]
    if on_terminal():
        _drawn(heads, cells)
        return
    widths = [max(len(line[i]) for line in [heads, *cells]) for i in range(len(heads))]
    for line in [heads, *cells]:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def on_terminal() -> bool:
    """Whether a person looks at stdout."""
    return sys.stdout.isatty()


def moment(seconds: int | None) -> str | None:
    """Unix seconds as a date and a time of day in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _drawn(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*heads, box=SIMPLE_HEAD, pad_edge=False)
    for line in cells:
        drawn.add_row(*(Text(cell, overflow="fold") for cell in line))  # Text: a name may look like rich's markup
    Console().print(drawn)
