"""Hours added up from minutes and days from hours, inside the database, once they are over.

A row of the marks says how far that has come, and holds these true after every transaction:

1. The hours hold what the minutes before `hours_before` hold, the days what the hours before `days_before` hold.
2. `days_before` is a whole hour and not beyond `hours_before`.

So whoever adds to a minute before a mark adds to that width too, and a sum is read from the wide rows before the mark and
from the finer ones after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from keyhouse.store.contract import RollupKey, RollupSums, Width
from keyhouse.store.tables import rollup_mark, rollups

_ROWS_A_FOLD = 50_000
_GROUPS = [name for name in RollupKey._fields if name != "bucket"]
_COLUMNS = ["width", "bucket", *_GROUPS, *RollupSums._fields]
IDENTITY = list(rollups.primary_key.columns)


class Marks(NamedTuple):
    """`through_seq` is the ledger's; the others are Unix seconds, exclusive."""

    through_seq: int
    hours_before: int
    days_before: int


class Piece(NamedTuple):
    """A range of rows of one width; `end` is exclusive."""

    width: Width
    start: int
    end: int


def marks_of(connection: Connection) -> Marks:
    query = select(*(rollup_mark.c[name] for name in Marks._fields)).where(rollup_mark.c.id == 1)
    return Marks(*connection.execute(query).one())


def pieces_of(width: Width, start: int, end: int, marks: Marks) -> list[Piece]:
    """The rows that hold everything of this range in buckets of this width: none is counted twice, none is missing."""
    start, end = _rounded_up(start, width.value), _rounded_up(end, width.value)
    hours_end, days_end = marks.hours_before, marks.days_before
    if width is Width.MINUTE:
        pieces = [Piece(width, start, end)]
    elif width is Width.HOUR:
        pieces = [Piece(width, start, min(end, hours_end)), Piece(Width.MINUTE, max(start, hours_end), end)]
    else:
        pieces = [
            Piece(width, start, min(end, days_end)),
            Piece(Width.HOUR, max(start, days_end), min(end, hours_end)),
            Piece(Width.MINUTE, max(start, hours_end), end),
        ]
    return [piece for piece in pieces if piece.start < piece.end]


def bucket_in(width: Width) -> ColumnElement[int]:
    """The start of the bucket of this width that a row's bucket lies in."""
    # A literal, not a parameter: PostgreSQL takes an expression to group by for the selected one only if they are the same text.
    return rollups.c.bucket - rollups.c.bucket % literal_column(str(width.value))


def fold_some(connection: Connection, until: int) -> bool:
    """Adds up some minutes before `until` into hours, or else some hours into days, and moves the mark; False if all are."""
    marks = marks_of(connection)
    until -= until % Width.HOUR.value
    midnight = marks.hours_before - marks.hours_before % Width.DAY.value
    if marks.hours_before < until:
        end = _fold(connection, Piece(Width.MINUTE, marks.hours_before, until), Width.HOUR)
        connection.execute(_set_mark("hours_before", end))
    elif marks.days_before < midnight:
        end = _fold(connection, Piece(Width.HOUR, marks.days_before, midnight), Width.DAY)
        connection.execute(_set_mark("days_before", end))
    else:
        return False
    return True


def _set_mark(name: str, value: int) -> Any:
    return update(rollup_mark).where(rollup_mark.c.id == 1).values({name: value})


def _fold(connection: Connection, piece: Piece, into: Width) -> int:
    """Adds what comes first in the piece to the wider rows; returns before which bucket that was everything."""
    organizations = list(_organizations(connection, piece.width))
    first = _first_bucket(connection, piece, organizations)
    if first is None:
        return piece.end
    end = min(piece.end, first - first % into.value + into.value)
    piece = piece._replace(start=first, end=end)
    piece = piece._replace(end=min(_within_bound(connection, piece, name) for name in organizations))
    for organization in organizations:
        connection.execute(_folding(connection.dialect.name, _in(piece, organization), into))
    return piece.end
