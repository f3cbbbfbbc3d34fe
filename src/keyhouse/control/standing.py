"""Where budgets stand: what was spent in the period that runs.

A balance that the ledger keeps is exact at once. Of a budget that no call has met in its period yet, the reports' sums tell
the same: they are caught up first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from keyhouse.control.context import Control
from keyhouse.domain.budgets import Budget, Interval, Period
from keyhouse.domain.levels import Level
from keyhouse.ledger import reports


class Standing(NamedTuple):
    """`spent_nanos`: what calls admitted in `period` have cost, those that still run not counted."""

    period: Period
    spent_nanos: int


def standing(control: Control, budget: Budget) -> Standing:
    """Where one budget stands now."""
    return standings(control, [budget])[budget.id]


def standings(control: Control, budgets: Sequence[Budget]) -> dict[str, Standing]:
    """Where these budgets stand now, by id."""
    now = control.clock()
    found: dict[str, Standing] = {}
    kept = {}
    if budgets:
        balances = control.store.ledger.balances([budget.id for budget in budgets])
        kept = {(balance.budget_id, balance.period_start): balance.spent_nanos for balance in balances}
    unknown: list[Budget] = []
    for budget in budgets:
        period = budget.period(now)
        spent = kept.get((budget.id, period.start))
        if spent is None:
            unknown.append(budget)
        else:
            found[budget.id] = Standing(period, spent)
    return found | (_reported(control, unknown, now) if unknown else {})


def _reported(control: Control, budgets: Iterable[Budget], now: int) -> dict[str, Standing]:
    """From the reports: one reading for all budgets that share organization, level and interval."""
    reports.refresh(control.store)
    alike: dict[tuple[str, Level, Interval], list[Budget]] = defaultdict(list)
    for budget in budgets:
        alike[budget.organization_id, budget.level, budget.interval].append(budget)
    found: dict[str, Standing] = {}
    for (organization_id, level, _), some in alike.items():
        period = some[0].period(now)
        with control.store.read() as tx:
            scope_ids = tuple({budget.scope_id for budget in some})
            spent = reports.rolled_up_costs(tx, organization_id, level, period, scope_ids)
        found |= {budget.id: Standing(period, spent[budget.scope_id]) for budget in some}
    return found
