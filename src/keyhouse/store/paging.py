"""Pages of a list: the rows after a cursor, by an order that new rows do not disturb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Table, select, tuple_

from keyhouse.domain.errors import invalid, shown
from keyhouse.store.contract import Page

MAX_LIMIT = 1000


def page_of(
    connection: Connection,
    table: Table,
    scope: Sequence[ColumnElement[bool]],
    filters: Sequence[ColumnElement[bool]],
    page: Page,
) -> tuple[Sequence[Row[Any]], bool]:
    """(rows, whether there are more) by (created_at, id).

    The cursor must be in the scope, but may have left the filters since: an object archived between two pages still
    marks its place.
    """
    order = (table.c.created_at, table.c.id)
    query = select(table).where(*scope, *filters).order_by(*order)
    if page.after is not None:
        query = query.where(tuple_(*order) > tuple_(*place_of(connection, order, table, scope, page.after)))
    return cut(connection.execute(query.limit(checked_limit(page) + 1)).all(), page)


def place_of(
    connection: Connection, order: Sequence[Column[Any]], table: Table, scope: Sequence[ColumnElement[bool]], after: str
) -> Row[Any]:
    """The ordering columns of the row that the cursor names. Raises `invalid_value` if there is none in the scope."""
    place = connection.execute(select(*order).where(table.c.id == after, *scope)).one_or_none()
    if place is None:
        raise invalid("after", f"'{shown(after)}' is not the id of an object in this list.")
    return place


def checked_limit(page: Page) -> int:
    if not 1 <= page.limit <= MAX_LIMIT:
        raise invalid("limit", f"'limit' must be between 1 and {MAX_LIMIT:,}.")
    return page.limit


def cut(rows: Sequence[Row[Any]], page: Page) -> tuple[Sequence[Row[Any]], bool]:
    """One row more than the limit was asked for: its presence is `has_more`."""
    return rows[: page.limit], len(rows) > page.limit
