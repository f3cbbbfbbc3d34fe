"""What is spent of a budget, from the ledger: computed once, when a balance is opened, and kept with every row from then on.

    roll-ups up to their mark + rows after the mark = the opening balance

The roll-ups and their mark are read at one moment. What they hold is final, so it does not matter when that was: the store adds
up the rows after the mark in the transaction that opens the balance.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import NamedTuple

from keyhouse.domain.budgets import Budget, Period
from keyhouse.domain.errors import KeyhouseError
from keyhouse.ledger.journal import Journal
from keyhouse.ledger.spending import rolled_up_costs
from keyhouse.store.contract import Balance, LedgerUnavailable, Store


class RolledUp(NamedTuple):
    """Nano-dollars that the ledger's rows up to `through_seq` cost."""

    through_seq: int
    cost_nanos: int


class LedgerBalances:
    """`policy.reservations.Balances`, for the loop's thread: an opening takes its turn among the journal's rows."""

    def __init__(self, journal: Journal, store: Store) -> None:
        self._journal = journal
        self._store = store

    def open(self, budget: Budget, period: Period) -> asyncio.Future[int]:
        return self._journal.in_turn(partial(open_balance, self._store, budget, period))


def open_balance(store: Store, budget: Budget, period: Period) -> int:
    """Nano-dollars spent of the budget in the period, which the ledger keeps from now on. Blocks.

    Raises `LedgerUnavailable` where either of the store's databases is away.
    """
    try:
        known = _known(store, budget, period)
        if known is not None:
            return known
        rolled = rolled_up(store, budget, period)
        balance = Balance(budget.scope_id, budget.id, period.start, period.end, rolled.cost_nanos)
        return store.ledger.open_balance(balance, rolled.through_seq)
    except KeyhouseError as error:
        raise LedgerUnavailable(f"What is spent of budget {budget.id} cannot be read: {error}") from error


def rolled_up(store: Store, budget: Budget, period: Period) -> RolledUp:
    """What is rolled up of the budget's scope and period. Calls without a price cost nothing."""
    with store.read() as tx:
        through_seq = tx.rollups.mark()
        costs = rolled_up_costs(tx, budget.organization_id, budget.level, period, (budget.scope_id,))
    return RolledUp(through_seq, costs[budget.scope_id])


def _known(store: Store, budget: Budget, period: Period) -> int | None:
    found = store.ledger.balances([budget.id])
    return next(
        (b.spent_nanos for b in found if (b.scope_id, b.period_start, b.period_end) == (budget.scope_id, *period)), None
    )
