"""Rows that cost something, balances over them, and whether the two agree."""

from __future__ import annotations

import zlib

from keyhouse.domain.usage import UsageRow
from keyhouse.store.contract import Balance, Ledger
from tests.ledger.makers import ADMITTED_AT_US, make_row

_DAY = 86_400
_TODAY = ADMITTED_AT_US // 1_000_000 // _DAY * _DAY
_SCOPES = ("org-1", "proj_1", "key_1", "key_2")
_STARTS = (_TODAY, _TODAY - 3 * _DAY, _TODAY + _DAY, 0)


def priced_row(request_id: str) -> UsageRow:
    """A call whose cost, key and day follow from its id."""
    chance = zlib.crc32(request_id.encode())
    cost = None if chance % 11 == 0 else chance % 1_000_003
    key_id = _SCOPES[2 + chance % 2]
    admitted_at_us = ADMITTED_AT_US + chance % 3 * _DAY * 1_000_000
    return make_row(request_id)._replace(cost_nanos=cost, key_id=key_id, admitted_at_us=admitted_at_us)


def balance_number(n: int) -> Balance:
    """One of 16: every scope over one day, a week, another day and all time. Nothing is spent of it before the first row."""
    start = _STARTS[n // 4 % 4]
    end = {_TODAY - 3 * _DAY: _TODAY + 4 * _DAY, 0: 2**62}.get(start, start + _DAY)
    return Balance(_SCOPES[n % 4], f"budget_{n % 16}", start, end, 0)


def unbalanced_of(ledger: Ledger) -> list[Balance]:
    """Balances that are not what the rows of their scope and period cost, added up here row by row."""
    rows = [found.row for found in ledger.since(0, limit=10_000_000)]
    return [balance for balance in ledger.balances() if balance.spent_nanos != _cost(balance, rows)]


def _cost(balance: Balance, rows: list[UsageRow]) -> int:
    return sum(
        row.cost_nanos or 0
        for row in rows
        if balance.scope_id in {row.organization_id, row.project_id, row.key_id}
        and balance.period_start <= row.admitted_at_us // 1_000_000 < balance.period_end
    )
