"""Pages of a list, in both directions: the rows after a cursor or before one, by an order that new rows do not disturb.

A cursor is the id of an object of the list, or a place that `next_place` made of a row, which outlives the row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Select, Table, func, select, tuple_

from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import invalid, shown
from keyhouse.store.contract import Page, places
from keyhouse.store.tables import audit
from keyhouse.store.types import INT64_MAX, is_clean

MAX_LIMIT = 1000

Born = Callable[[str], Sequence[ColumnElement[bool]]]


@dataclass(frozen=True, slots=True)
class Ordered:
    """A list: its rows, and the columns that order them, unique together, in an index behind those that the scope fixes.

    A cursor must be in the scope, but may have left the filters since: an object archived between two pages still marks its
    place. `born`, given an id, finds in the audit log the events that tell of the object's creation: where objects are deleted
    for good, they mark the place that a deleted one had. `is_shared`: an object may be in several such lists, as people are.
    """

    query: Select[Any]
    by: Sequence[ColumnElement[Any]]
    id: ColumnElement[str]
    scope: Sequence[ColumnElement[bool]]
    filters: Sequence[ColumnElement[bool]] = ()
    born: Born | None = None
    is_shared: bool = False


def born_by(organization_id: str, type_: EventType) -> Born:
    """For lists of an organization's objects, whose creation is told by an event of this type about the object."""
    return lambda cursor: (
        audit.c.organization_id == organization_id,
        audit.c.type == type_,
        audit.c.object_id == cursor,
    )


def page_of(
    connection: Connection,
    table: Table,
    scope: Sequence[ColumnElement[bool]],
    filters: Sequence[ColumnElement[bool]],
    page: Page,
    *,
    born: Born | None = None,
) -> tuple[Sequence[Row[Any]], bool]:
    """(rows, whether there are more) by (created_at, id), as `page_in` gives them."""
    by = (table.c.created_at, table.c.id)
    return page_in(connection, Ordered(select(table), by, table.c.id, scope, filters, born), page)


def page_in(connection: Connection, listed: Ordered, page: Page) -> tuple[Sequence[Row[Any]], bool]:
    """(rows in the list's order, whether there are more behind them, or before them where the page ends before a cursor).

    Raises `invalid_value` for a cursor that names nothing in the list, and for a limit out of range.
    """
    conditions, ascending = bounds(connection, listed, page, newest_first=page.newest_first)
    query = listed.query.where(*listed.scope, *listed.filters, *conditions).order_by(*directed(listed.by, ascending))
    return cut(connection.execute(query.limit(page.limit + 1)).all(), page)


def bounds(
    connection: Connection, listed: Ordered, page: Page, *, newest_first: bool
) -> tuple[list[ColumnElement[bool]], bool]:
    """(what holds the rows to the page's cursor, whether they are read ascending): a page before a cursor is read from there,
    the other way round."""
    if not 0 <= page.limit <= MAX_LIMIT:
        raise invalid("limit", f"'limit' must be between 0 and {MAX_LIMIT:,}.")
    if page.after is not None and page.before is not None:
        raise invalid("before", "'after' and 'before' exclude each other.")
    ascending = newest_first is (page.before is not None)
    for param, cursor in (("after", page.after), ("before", page.before)):
        if cursor is not None:
            order, place = tuple_(*listed.by), tuple_(*_place(connection, listed, param, cursor, ascending))
            return [order > place if ascending else order < place], ascending
    return [], ascending


def directed(by: Sequence[ColumnElement[Any]], ascending: bool) -> list[ColumnElement[Any]]:
    return [column.asc() if ascending else column.desc() for column in by]


def cut(rows: Sequence[Row[Any]], page: Page) -> tuple[Sequence[Row[Any]], bool]:
    """One row more than the limit was asked for: its presence is `has_more`."""
    kept = rows[: page.limit]
    return kept if page.before is None else kept[::-1], len(rows) > page.limit


def next_place(rows: Sequence[Row[Any]], has_more: bool, by: Sequence[ColumnElement[Any]]) -> str | None:
    """The cursor behind a page's last row, None where nothing follows; the rows have the ordering columns under their names."""
    if not rows or not has_more:
        return None
    return places.written([rows[-1]._mapping[column] for column in by])


def _place(connection: Connection, listed: Ordered, param: str, cursor: str, ascending: bool) -> Sequence[Any]:
    """The ordering columns' values at the cursor. Raises `invalid_value` if it is none of this list."""
    if is_clean(cursor):
        place = (
            _of_place(listed, cursor)
            or _of_row(connection, listed, cursor)
            or _of_birth(connection, listed, cursor, ascending)
        )
        if place is not None:
            return place
    raise invalid(param, f"'{shown(cursor)}' is not the id of an object in this list.")


def _of_place(listed: Ordered, cursor: str) -> Sequence[Any] | None:
    values = places.read(cursor)
    fits = values is not None and len(values) == len(listed.by)
    return values if values is not None and fits and all(map(_is_of, values, listed.by)) else None


def _is_of(value: object, column: ColumnElement[Any]) -> bool:
    if isinstance(column.type, BigInteger):
        return isinstance(value, int) and not isinstance(value, bool) and -INT64_MAX <= value <= INT64_MAX
    return isinstance(value, str) and is_clean(value)


def _of_row(connection: Connection, listed: Ordered, cursor: str) -> Sequence[Any] | None:
    query = listed.query.with_only_columns(*listed.by, maintain_column_froms=True)
    return connection.execute(query.where(listed.id == cursor, *listed.scope)).one_or_none()


def _of_birth(connection: Connection, listed: Ordered, cursor: str, ascending: bool) -> Sequence[Any] | None:
    """Where an object stood that is deleted; one that is only elsewhere is none of this list.

    What was there more than once marks the place from which the most follows: who reads on sees some again, and misses none.
    """
    if listed.born is None:
        return None
    exists = listed.query.with_only_columns(listed.id, maintain_column_froms=True).where(listed.id == cursor)
    if not listed.is_shared and connection.execute(exists).first() is not None:
        return None
    at = func.min(audit.c.at) if ascending else func.max(audit.c.at)
    found = connection.scalars(select(at).where(*listed.born(cursor))).one()
    return None if found is None else (found, cursor)
