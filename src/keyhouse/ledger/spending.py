"""What was spent at a level in a period, as it is rolled up: what budgets are opened with, shown by, and watched by."""

from __future__ import annotations

from collections import defaultdict

from keyhouse.domain.budgets import Period
from keyhouse.domain.levels import Level
from keyhouse.store.contract import RollupFilter, Transaction, Width

_FIELDS = {Level.ORGANIZATION: "organization_id", Level.PROJECT: "project_id", Level.KEY: "key_id"}


def rolled_up_costs(
    tx: Transaction, organization_id: str, level: Level, period: Period, scope_ids: tuple[str, ...]
) -> defaultdict[str, int]:
    """Nano-dollars that calls admitted in the period have cost, by scope; calls without a price cost nothing."""
    # Periods begin and end at midnight, so whole days tell.
    where = RollupFilter(organization_id, period.start, period.end)
    if level is Level.PROJECT:
        where = where._replace(project_ids=scope_ids)
    elif level is Level.KEY:
        where = where._replace(key_ids=scope_ids)
    field = _FIELDS[level]
    costs: defaultdict[str, int] = defaultdict(int)
    for key, sums in tx.rollups.sum(Width.DAY, where, (field,)):
        costs[getattr(key, field)] += sums.cost_input_nanos + sums.cost_cached_nanos + sums.cost_output_nanos
    return costs
