"""Sums of usage per bucket: what every report reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.compiler import SQLCompiler

from keyhouse.store.contract import RollupFilter, RollupKey, RollupSums, Width
from keyhouse.store.tables import rollup_mark, rollups
from keyhouse.store.types import clean

# A primary key on PostgreSQL holds 2,704 bytes; names that callers and upstreams made up are cut well below.
_MAX_NAME = 128
_ROWS_A_STATEMENT = 1000
_NO_GROUP = RollupKey(0, *[""] * (len(RollupKey._fields) - 1))
_FILTERS = {
    "project_ids": "project_id",
    "user_ids": "user_id",
    "key_ids": "key_id",
    "models": "model",
    "operations": "operation",
}


class SqlRollups:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def apply(self, through_seq: int, sums: Mapping[Width, Mapping[RollupKey, RollupSums]]) -> None:
        if through_seq <= self.mark():
            return
        for width, by_key in sums.items():
            seconds, fitted = width.value, iter(_fitted(by_key).items())
            # In slices, so that a million sums are never in memory twice.
            while rows := [(seconds, *key, *total) for key, total in islice(fitted, _ROWS_A_STATEMENT)]:
                self._add(rows)
        self._connection.execute(update(rollup_mark).values(through_seq=through_seq))

    def mark(self) -> int:
        return int(self._connection.scalars(select(rollup_mark.c.through_seq)).one())

    def sum(
        self, width: Width, where: RollupFilter, group_by: tuple[str, ...]
    ) -> Sequence[tuple[RollupKey, RollupSums]]:
        groups = [rollups.c.bucket, *(rollups.c[name] for name in group_by if name != "bucket")]
        totals = [func.sum(rollups.c[name]) for name in RollupSums._fields]
        query = select(*groups, *totals).where(_matches(width, where)).group_by(*groups).order_by(*groups)
        names = [column.name for column in groups]
        return [_summed(names, row) for row in self._connection.execute(query)]

    def _add(self, rows: Sequence[tuple[int | str, ...]]) -> None:
        if self._connection.dialect.name == "sqlite":
            # Straight to the driver: binding parameters by name would cost five times what SQLite itself takes for a row.
            self._connection.exec_driver_sql(str(_SQLITE_UPSERT), list(map(_in_statement_order, rows)))
            return
        insert = postgresql.insert(rollups)
        upsert = insert.on_conflict_do_update(index_elements=_IDENTITY, set_=_added(insert.excluded))
        # Asked to return something, SQLAlchemy sends many rows in one statement; otherwise each would be a round trip.
        rows_by_name = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
        self._connection.execute(upsert.returning(rollups.c.width), rows_by_name)


_COLUMNS = ("width", *RollupKey._fields, *RollupSums._fields)
_IDENTITY = list(rollups.primary_key.columns)


def _added(excluded: ReadOnlyColumnCollection[str, Any]) -> dict[str, ColumnElement[int]]:
    return {name: rollups.c[name] + excluded[name] for name in RollupSums._fields}


def _sqlite_upsert() -> SQLCompiler:
    insert = sqlite.insert(rollups)
    upsert = insert.on_conflict_do_update(index_elements=_IDENTITY, set_=_added(insert.excluded))
    compiled = upsert.compile(dialect=sqlite.dialect(paramstyle="qmark"))
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - so that the type checker knows
    return compiled


_SQLITE_UPSERT = _sqlite_upsert()
_in_statement_order = itemgetter(*map(_COLUMNS.index, _SQLITE_UPSERT.positiontup or ()))


def _fitted(by_key: Mapping[RollupKey, RollupSums]) -> Mapping[RollupKey, RollupSums]:
    """The sums under keys that fit the table; keys that thereby become one are added up."""
    texts: set[str] = set()
    for key in by_key:
        texts.update(key[1:])
    shortened = {text: cut for text in texts if (cut := clean(text)[:_MAX_NAME]) != text}
    if not shortened:
        return by_key
    fitted: dict[RollupKey, RollupSums] = {}
    for long, sums in by_key.items():
        short = RollupKey(long.bucket, *(shortened.get(text, text) for text in long[1:]))
        known = fitted.get(short)
        fitted[short] = sums if known is None else RollupSums(*map(int.__add__, known, sums))
    return fitted


def _matches(width: Width, where: RollupFilter) -> ColumnElement[bool]:
    conditions = [
        rollups.c.width == width.value,
        rollups.c.organization_id == where.organization_id,
        rollups.c.bucket >= where.start,
        rollups.c.bucket < where.end,
    ]
    for name, column in _FILTERS.items():
        allowed = getattr(where, name)
        if allowed is not None:
            conditions.append(rollups.c[column].in_(allowed))
    return and_(*conditions)


def _summed(names: Sequence[str], row: Sequence[Any]) -> tuple[RollupKey, RollupSums]:
    """A row of sums; PostgreSQL's sums of bigint are decimals."""
    groups, totals = row[: len(names)], row[len(names) :]
    return _NO_GROUP._replace(**dict(zip(names, groups, strict=True))), RollupSums(*map(int, totals))
