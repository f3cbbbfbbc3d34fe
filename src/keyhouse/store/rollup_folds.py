"""Hours added up from minutes and days from hours, inside the database, once they are over.

A row of marks says how far that has come. These hold after every transaction:

1. The hours hold what the minutes before `hours_before` hold, the days what the hours before `days_before` hold.
2. `days_before` is a whole hour, and not beyond `hours_before`.

So whoever adds to a minute before a mark adds to that width too, and a sum is read from the wide rows up to the mark and from
the finer ones after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from keyhouse.store.contract import RollupSums, Width
from keyhouse.store.tables import rollup_mark, rollups

IDENTITY = list(rollups.primary_key.columns)
_GROUPS = [column for column in IDENTITY if column.name not in {"width", "bucket"}]
_ROWS_A_FOLD = 50_000
"""Of one organization, so that other writers wait for tenths of a second; a single bucket may have more."""


class Marks(NamedTuple):
    """`through_seq` is the ledger's; the others are Unix seconds, exclusive."""

    through_seq: int
    hours_before: int
    days_before: int


class Piece(NamedTuple):
    """A range of rows of one width. `start` and `end` (exclusive) are Unix seconds."""

    width: Width
    start: int
    end: int


def marks_of(connection: Connection) -> Marks:
    query = select(*(rollup_mark.c[name] for name in Marks._fields)).where(rollup_mark.c.id == 1)
    return Marks(*connection.execute(query).one())


def move_marks(connection: Connection, **values: int) -> None:
    connection.execute(update(rollup_mark).where(rollup_mark.c.id == 1).values(values))


def pieces_of(width: Width, start: int, end: int, marks: Marks) -> list[Piece]:
    """The rows that together hold what is in the buckets of this width that begin in the range."""
    start, end = _rounded_up(start, width), _rounded_up(end, width)
    minutes = Piece(Width.MINUTE, max(start, marks.hours_before), end)
    if width is Width.MINUTE:
        pieces = [Piece(width, start, end)]
    elif width is Width.HOUR:
        pieces = [Piece(width, start, min(end, marks.hours_before)), minutes]
    else:
        hours = Piece(Width.HOUR, max(start, marks.days_before), min(end, marks.hours_before))
        pieces = [Piece(width, start, min(end, marks.days_before)), hours, minutes]
    return [piece for piece in pieces if piece.start < piece.end]


def bucket_of(width: Width) -> ColumnElement[int]:
    """The start of the bucket of this width in which a row's bucket lies."""
    # No parameter: PostgreSQL would take the one to group by for another than the selected one.
    return rollups.c.bucket - rollups.c.bucket % literal_column(str(width.value))


def added(excluded: ReadOnlyColumnCollection[str, Any]) -> dict[str, ColumnElement[int]]:
    """What an upsert sets where the row is there already."""
    return {name: rollups.c[name] + excluded[name] for name in RollupSums._fields}


def fold_some(connection: Connection, until: int) -> bool:
    """Folds some of what is left before `until` (minutes into hours, then hours into days), or returns False."""
    marks = marks_of(connection)
    until -= until % Width.HOUR.value
    midnight = marks.hours_before - marks.hours_before % Width.DAY.value
    if marks.hours_before < until:
        move_marks(
            connection, hours_before=_fold(connection, Piece(Width.MINUTE, marks.hours_before, until), Width.HOUR)
        )
    elif marks.days_before < midnight:
        move_marks(connection, days_before=_fold(connection, Piece(Width.HOUR, marks.days_before, midnight), Width.DAY))
    else:
        return False
    return True


def _fold(connection: Connection, left: Piece, into: Width) -> int:
    """Adds the first of the rows that are left to the wider ones; returns before which bucket those have everything now."""
    organizations = list(_organizations(connection, left.width))
    firsts = [connection.scalar(select(func.min(rollups.c.bucket)).where(_in(left, each))) for each in organizations]
    first = min((bucket for bucket in firsts if bucket is not None), default=left.end)
    if first == left.end:
        return left.end
    piece = Piece(left.width, first, min(left.end, _rounded_up(first + 1, into)))
    piece = piece._replace(end=min(_end_within_bound(connection, piece, each) for each in organizations))
    for each in organizations:
        _add_to_wider(connection, piece, each, into)
    return piece.end


def _organizations(connection: Connection, width: Width) -> Iterator[str]:
    """One look into the index for each: the rows themselves are many."""
    query = select(func.min(rollups.c.organization_id)).where(rollups.c.width == width.value)
    found = connection.scalar(query)
    while found is not None:
        yield found
        found = connection.scalar(query.where(rollups.c.organization_id > found))


def _end_within_bound(connection: Connection, piece: Piece, organization_id: str) -> int:
    query = select(rollups.c.bucket).where(_in(piece, organization_id)).order_by(rollups.c.bucket)
    beyond = connection.scalar(query.offset(_ROWS_A_FOLD).limit(1))
    return piece.end if beyond is None else max(beyond, piece.start + piece.width.value)


def _add_to_wider(connection: Connection, piece: Piece, organization_id: str, into: Width) -> None:
    bucket = bucket_of(into)
    wider = [literal_column(str(into.value)), bucket, *_GROUPS]
    totals = [func.sum(rollups.c[name]) for name in RollupSums._fields]
    query = select(*wider, *totals).where(_in(piece, organization_id)).group_by(bucket, *_GROUPS)
    names = ["width", "bucket", *(column.name for column in _GROUPS), *RollupSums._fields]
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(rollups).from_select(names, query)
    connection.execute(insert.on_conflict_do_update(index_elements=IDENTITY, set_=added(insert.excluded)))


def _in(piece: Piece, organization_id: str) -> ColumnElement[bool]:
    return and_(
        rollups.c.width == piece.width.value,
        rollups.c.organization_id == organization_id,
        rollups.c.bucket >= piece.start,
        rollups.c.bucket < piece.end,
    )


def _rounded_up(second: int, width: Width) -> int:
    return -(-second // width.value) * width.value
