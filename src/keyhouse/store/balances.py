"""Balances in the ledger's database: opened, read, and recomputed from the rows. Each backend's `append` adds to them.

A balance and the rows that it counts change together:

1. `append` charges in its own transaction, and it sees every balance that was opened before that transaction.
2. Opening excludes appending, so that a row is counted by the sum of the opening or charged by its own append.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, func, literal_column, select, text
from sqlalchemy.sql.functions import coalesce

from keyhouse.store.contract import BALANCES_KEPT_SECONDS, MOST_NANOS, Balance, DaySum, Recount
from keyhouse.store.money_tables import balances
from keyhouse.store.tables import calls

_DAY = 86_400
# Sums are added up in two halves: SQLite fails on one that does not fit into 64 bits.
_BASE = 1 << 31
_HALF: ColumnElement[int] = literal_column(str(_BASE), BigInteger)
_SECOND = calls.c.admitted_at_us // literal_column("1000000", BigInteger)

# Thousands of keys' new day begins at the same midnight: these are texts because building them anew costs more than running them.
_SAME = "scope_id = :scope_id AND budget_id = :budget_id AND period_start = :period_start"
_KNOWN = text(f"SELECT spent_nanos FROM balances WHERE {_SAME} AND period_end = :period_end")  # noqa: S608
_LATER_COST = text(
    f"SELECT coalesce(sum(cost_nanos / {_BASE}), 0), coalesce(sum(cost_nanos - cost_nanos / {_BASE} * {_BASE}), 0)"  # noqa: S608
    " FROM calls WHERE seq > :through_seq"
    " AND admitted_at_us / 1000000 >= :period_start AND admitted_at_us / 1000000 < :period_end"
    " AND (organization_id = :scope_id OR project_id = :scope_id OR key_id = :scope_id)"
)
# A budget whose interval was changed may have had a period of another length that began with this one.
_DELETE = text(
    "DELETE FROM balances WHERE scope_id = :scope_id"
    " AND (period_end <= :kept_from OR (budget_id = :budget_id AND period_start = :period_start))"
)
_INSERT = text(
    "INSERT INTO balances (scope_id, budget_id, period_start, period_end, spent_nanos)"
    " VALUES (:scope_id, :budget_id, :period_start, :period_end, :spent_nanos)"
)


def open_in(connection: Connection, balance: Balance, through_seq: int) -> int:
    """`Ledger.open_balance`, in a transaction that keeps all others from appending.

    It need not be synced: an opening that a power cut takes away is done again, and a row that is synced later makes it durable.
    """
    given = balance._asdict()
    known: int | None = connection.execute(_KNOWN, given).scalar_one_or_none()
    if known is not None:
        return known
    later = connection.execute(_LATER_COST, {**given, "through_seq": through_seq}).one()
    spent = min(balance.spent_nanos + _whole(later[0], later[1]), MOST_NANOS)
    connection.execute(_DELETE, {**given, "kept_from": balance.period_start - BALANCES_KEPT_SECONDS})
    connection.execute(_INSERT, {**given, "spent_nanos": spent})
    return spent


def balances_of(connection: Connection, budget_ids: Sequence[str] | None) -> list[Balance]:
    query = select(balances).order_by(balances.c.budget_id, balances.c.period_start, balances.c.scope_id)
    if budget_ids is not None:
        query = query.where(balances.c.budget_id.in_(budget_ids))
    return [Balance(*row) for row in connection.execute(query)]


def recount_of(connection: Connection, through_seq: int | None) -> Recount:
    day = _SECOND // literal_column(str(_DAY), BigInteger)
    groups = [calls.c.organization_id, calls.c.project_id, calls.c.key_id, day]
    query = select(*groups, func.count(), *_halves(), func.max(calls.c.seq)).group_by(*groups)
    if through_seq is not None:
        query = query.where(calls.c.seq <= through_seq)
    found = connection.execute(query).all()
    days = [DaySum(*row[:3], row[3] * _DAY, row[4], _whole(row[5], row[6])) for row in found]
    return Recount(max((row[7] for row in found), default=0), balances_of(connection, None), days)


def _halves() -> list[ColumnElement[int]]:
    high = calls.c.cost_nanos // _HALF
    # Not `%`, which pg8000 takes for itself where a statement has no parameters.
    return [coalesce(func.sum(half), literal_column("0")) for half in (high, calls.c.cost_nanos - high * _HALF)]


def _whole(high: int, low: int) -> int:
    """The sum of both halves; PostgreSQL's are decimals."""
    return int(high) * _BASE + int(low)
