"""A ledger as reservations meet it: rows and openings of balances pass one queue, in order. And budgets to reserve on."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import Any, NamedTuple

from keyhouse.domain.budgets import AtEnd, Budget, Interval, Period
from keyhouse.domain.levels import Level
from keyhouse.policy.reservations import Scopes
from keyhouse.store.contract import LedgerUnavailable

NOON = 1_800_014_400
"""15 January 2027, 12:00 UTC: a Friday."""
ALICE = Scopes("org_1", "proj_1", "key_alice")
BOB = Scopes("org_1", "proj_1", "key_bob")
CHARLIE = Scopes("org_2", "proj_2", "key_charlie")
_LEVELS = {"org": Level.ORGANIZATION, "proj": Level.PROJECT, "key": Level.KEY}


def budget(scope_id: str, amount: int, id_: str = "", **facts: Any) -> Budget:
    """A day's budget that refuses, unless said otherwise. `amount` in nano-dollars."""
    level = _LEVELS[scope_id.partition("_")[0]]
    made = Budget(
        id_ or f"budget_{scope_id}", "org_1", level, scope_id, scope_id, amount, Interval.DAY, AtEnd.REFUSE, NOON
    )
    return replace(made, **facts)


class Row(NamedTuple):
    scopes: Scopes
    at: int
    cost_nanos: int


class _Opening(NamedTuple):
    budget: Budget
    period: Period
    answer: asyncio.Future[int]


class QueuedLedger:
    """`Balances`, and the rows that they are of. While `is_slow` only `work` takes from the queue; `is_away` fails openings."""

    def __init__(self, *, is_slow: bool = False) -> None:
        self.is_slow = is_slow
        self.is_away = False
        self.opened = 0
        self._queue: deque[Row | _Opening] = deque()
        self._committed: list[Row] = []

    def append(self, row: Row) -> None:
        self._queue.append(row)
        self._go_on()

    def open(self, budget: Budget, period: Period) -> asyncio.Future[int]:
        answer = asyncio.get_running_loop().create_future()
        self._queue.append(_Opening(budget, period, answer))
        self.opened += 1
        self._go_on()
        return answer

    def work(self, most: int = 1_000_000) -> None:
        """Takes so many from the queue."""
        for _ in range(min(most, len(self._queue))):
            entry = self._queue.popleft()
            if isinstance(entry, Row):
                self._committed.append(entry)
            elif entry.answer.done():
                continue
            elif self.is_away:
                entry.answer.set_exception(LedgerUnavailable("the disk is full"))
            else:
                entry.answer.set_result(total(self._committed, entry.budget.scope_id, entry.period))

    def truth(self, scope_id: str, period: Period) -> int:
        """What all rows cost, those too that wait."""
        waiting = [entry for entry in self._queue if isinstance(entry, Row)]
        return total([*self._committed, *waiting], scope_id, period)

    def _go_on(self) -> None:
        if not self.is_slow:
            self.work()


def total(rows: list[Row], scope_id: str, period: Period) -> int:
    return sum(row.cost_nanos for row in rows if scope_id in row.scopes and period.start <= row.at < period.end)
