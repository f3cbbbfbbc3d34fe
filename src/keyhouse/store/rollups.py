"""Sums of usage per bucket: what every report reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, and_, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from keyhouse.store.contract import RollupFilter, RollupKey, RollupSums, Width
from keyhouse.store.tables import rollup_mark, rollups
from keyhouse.store.types import clean

# A primary key on PostgreSQL holds 2,704 bytes; names that callers and upstreams made up are cut well below.
_MAX_NAME = 128
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
        rows = [
            {"width": width.value, **key._asdict(), **total._asdict()}
            for width, by_key in sums.items()
            for key, total in _fitted(by_key).items()
        ]
        if rows:
            self._connection.execute(self._upsert, rows)
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

    @property
    def _upsert(self) -> Executable:
        insert = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        added = insert(rollups)
        upsert = added.on_conflict_do_update(
            index_elements=list(rollups.primary_key.columns),
            set_={name: rollups.c[name] + added.excluded[name] for name in RollupSums._fields},
        )
        if self._connection.dialect.name == "sqlite":
            return upsert
        # Asked to return something, SQLAlchemy sends many rows in one statement; otherwise each would be a round trip.
        return upsert.returning(rollups.c.width)


def _fitted(by_key: Mapping[RollupKey, RollupSums]) -> dict[RollupKey, RollupSums]:
    """The sums under keys that fit the table; keys that thereby become one are added up."""
    fitted: dict[RollupKey, RollupSums] = {}
    for key, sums in by_key.items():
        short = RollupKey(key.bucket, *(clean(text)[:_MAX_NAME] for text in key[1:]))
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
