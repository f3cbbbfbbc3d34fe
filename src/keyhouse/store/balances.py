"""Balances in the ledger's database: opened, read, and recomputed from the rows. Each backend's `append` adds to them.

A balance and the rows that it counts change together:

1. `append` charges in its own transaction, and it sees every balance that was opened before that transaction.
2. Opening excludes appending, so that a row is counted by the sum of the opening or charged by its own append.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, delete, func, insert, literal_column, or_, select
from sqlalchemy.sql.functions import coalesce

from keyhouse.store.contract import BALANCES_KEPT_SECONDS, Balance, DaySum, Recount
from keyhouse.store.money_tables import balances
from keyhouse.store.tables import calls
from keyhouse.store.types import INT64_MAX

_DAY = 86_400
# Sums are added up in two halves: SQLite fails on one that does not fit into 64 bits.
_HALF: ColumnElement[int] = literal_column(str(1 << 31), BigInteger)
_SECOND = calls.c.admitted_at_us // literal_column("1000000", BigInteger)


def open_in(connection: Connection, balance: Balance, through_seq: int) -> int:
    """`Ledger.open_balance`, in a transaction that keeps all others from appending."""
    same = and_(*(balances.c[column.name] == getattr(balance, column.name) for column in balances.primary_key))
    query = select(balances.c.spent_nanos).where(same, balances.c.period_end == balance.period_end)
    known: int | None = connection.scalars(query).one_or_none()
    if known is not None:
        return known
    spent = min(balance.spent_nanos + _cost_after(connection, balance, through_seq), INT64_MAX)
    over = balances.c.period_end <= balance.period_start - BALANCES_KEPT_SECONDS
    # A budget whose interval was changed may have had a period of another length that began with this one.
    connection.execute(delete(balances).where(or_(over, same)))
    connection.execute(insert(balances).values(balance._replace(spent_nanos=spent)._asdict()))
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


def _cost_after(connection: Connection, balance: Balance, through_seq: int) -> int:
    scope = or_(
        *(column == balance.scope_id for column in (calls.c.organization_id, calls.c.project_id, calls.c.key_id))
    )
    query = select(*_halves()).where(
        calls.c.seq > through_seq, _SECOND.between(balance.period_start, balance.period_end - 1), scope
    )
    found = connection.execute(query).one()
    return _whole(found[0], found[1])


def _halves() -> list[ColumnElement[int]]:
    high = calls.c.cost_nanos // _HALF
    # Not `%`, which pg8000 takes for itself where a statement has no parameters.
    return [coalesce(func.sum(half), literal_column("0")) for half in (high, calls.c.cost_nanos - high * _HALF)]


def _whole(high: int, low: int) -> int:
    """The sum of both halves; PostgreSQL's are decimals."""
    return int(high) * (1 << 31) + int(low)
