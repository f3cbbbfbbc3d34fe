"""The ledger on either database: how it is read, how balances are opened, and what a row must look like to be kept.

Each backend adds its own `append` (ledger_sqlite.py, ledger_postgres.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Row, select
from sqlalchemy.exc import DBAPIError

from keyhouse.domain.errors import KeyhouseError
from keyhouse.domain.usage import UsageRow
from keyhouse.store.balances import balances_of, open_in, recount_of
from keyhouse.store.contract import Balance, LedgerRow, LedgerUnavailable, Recount
from keyhouse.store.faults import reason, translated
from keyhouse.store.tables import calls
from keyhouse.store.types import INT64_MAX, clean

_IDS_A_QUERY = 500


class LedgerReader:
    """All of `contract.Ledger` but `append`, for any number of threads. Transactions of `openings` keep others from appending."""

    def __init__(self, engine: Engine, openings: Engine) -> None:
        self._engine = engine
        self._openings = openings

    def since(self, seq: int, limit: int = 10_000) -> Sequence[LedgerRow]:
        query = select(calls).where(calls.c.seq > seq).order_by(calls.c.seq).limit(limit)
        with translated(), self._engine.begin() as connection:
            return [_ledger_row(row) for row in connection.execute(query)]

    def contains(self, request_ids: Sequence[str]) -> set[str]:
        found: set[str] = set()
        with translated(), self._engine.begin() as connection:
            for start in range(0, len(request_ids), _IDS_A_QUERY):
                some = request_ids[start : start + _IDS_A_QUERY]
                found.update(connection.scalars(select(calls.c.request_id).where(calls.c.request_id.in_(some))))
        return found

    def get(self, request_id: str) -> LedgerRow | None:
        with translated(), self._engine.begin() as connection:
            row = connection.execute(select(calls).where(calls.c.request_id == request_id)).one_or_none()
        return None if row is None else _ledger_row(row)

    def open_balance(self, balance: Balance, through_seq: int = 0) -> int:
        try:
            with translated(), self._openings.begin() as connection:
                return open_in(connection, balance, through_seq)
        except (KeyhouseError, DBAPIError) as error:
            why = reason(error.orig) if isinstance(error, DBAPIError) else str(error)
            raise LedgerUnavailable(f"The balance of budget {balance.budget_id} cannot be opened: {why}") from error

    def balances(self, budget_ids: Sequence[str] | None = None) -> Sequence[Balance]:
        with translated(), self._engine.begin() as connection:
            return balances_of(connection, budget_ids)

    def recount(self, through_seq: int | None = None) -> Recount:
        with translated(), self._engine.begin() as connection:
            return recount_of(connection, through_seq)


def storable(row: UsageRow) -> UsageRow:
    """The row with what no database takes made fit: odd characters replaced, numbers cut to 64 bits.

    An upstream may report a token count of any size and any text; one such row must not keep the others out.
    """
    return UsageRow._make(_fit(value) for value in row)


def _fit(value: str | int | None) -> Any:
    if isinstance(value, str):
        return clean(value)
    return value if value is None else max(min(value, INT64_MAX), -INT64_MAX)


def _ledger_row(row: Row[Any]) -> LedgerRow:
    return LedgerRow(row[0], UsageRow._make(row[1:]))
