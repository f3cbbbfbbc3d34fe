"""What limits of a day have counted, by minute."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, Text, delete, select, text, type_coerce

from keyhouse.domain.levels import Level
from keyhouse.domain.limits import DAY, LimitKind, LimitName
from keyhouse.store.contract.day_counts import DayCell
from keyhouse.store.money_tables import day_cells, rate_limits
from keyhouse.store.tables import keys

_COUNTED = LimitKind.REQUESTS_PER_DAY
_KEPT_SECONDS = DAY + 3 * 3600
"""A day, and as much as a clock may have jumped."""
_KEYS_A_STATEMENT = 500
_KINDS = {kind.field: kind for kind in LimitKind}
_COLUMNS = "level, scope_id, model, kind, minute, amount"
_ADD = " ON CONFLICT (level, scope_id, model, kind, minute) DO UPDATE SET amount = day_cells.amount + excluded.amount"
_SQLITE = f"INSERT INTO day_cells ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?){_ADD}"  # noqa: S608 - names of columns only
# All rows in one parameter: one round trip, however many they are.
_POSTGRES = text(
    f"INSERT INTO day_cells ({_COLUMNS})"  # noqa: S608 - names of columns only
    " SELECT r->>0, r->>1, r->>2, r->>3, (r->>4)::bigint, (r->>5)::bigint"
    f" FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS given (r){_ADD}"
)


class SqlDayCounts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def watched(self) -> frozenset[LimitName]:
        query = select(rate_limits.c.organization_id, rate_limits.c.project_id, rate_limits.c.model)
        return frozenset(
            LimitName(Level.ORGANIZATION, row.organization_id, row.model, _COUNTED)
            if row.project_id is None
            else LimitName(Level.PROJECT, row.project_id, row.model, _COUNTED)
            for row in self._connection.execute(query.where(_has_one(rate_limits.c.limits)))
        )

    def watched_keys(self, key_ids: Collection[str]) -> frozenset[LimitName]:
        ids = list(key_ids)
        found: list[str] = []
        for start in range(0, len(ids), _KEYS_A_STATEMENT):
            some = keys.c.id.in_(ids[start : start + _KEYS_A_STATEMENT])
            found += self._connection.scalars(select(keys.c.id).where(some, _has_one(keys.c.rate_limits)))
        return frozenset(LimitName(Level.KEY, key_id, "", _COUNTED) for key_id in found)

    def add(self, amounts: Mapping[DayCell, int]) -> None:
        if not amounts:
            return
        rows = [
            (name.level.value, name.id, name.model, name.kind.field, minute, amount)
            for (name, minute), amount in amounts.items()
        ]
        if self._connection.dialect.name == "sqlite":
            self._connection.exec_driver_sql(_SQLITE, rows)
        else:
            self._connection.execute(_POSTGRES, {"rows": msgspec.json.encode(rows).decode()})
        newest = max(minute for _, minute in amounts)
        self._connection.execute(delete(day_cells).where(day_cells.c.minute < newest - _KEPT_SECONDS))

    def since(self, minute: int) -> Sequence[tuple[DayCell, int]]:
        query = select(day_cells).where(day_cells.c.minute >= minute)
        return [
            (DayCell(LimitName(row.level, row.scope_id, row.model, _KINDS[row.kind]), row.minute), row.amount)
            for row in self._connection.execute(query)
        ]


def _has_one(limits: ColumnElement[object]) -> ColumnElement[bool]:
    """Only what is set is in the JSON."""
    return type_coerce(limits, Text).contains(f'"{_COUNTED.field}"')
