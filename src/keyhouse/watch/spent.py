"""What was spent at a level in a period, from the reports' sums; they are some seconds behind the calls at most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from keyhouse.domain.budgets import Period
from keyhouse.domain.levels import Level
from keyhouse.store.contract import RollupFilter, Transaction, Width

_FIELDS = {Level.ORGANIZATION: "organization_id", Level.PROJECT: "project_id", Level.KEY: "key_id"}
_AT_ONCE = 500


class Place(NamedTuple):
    organization_id: str
    level: Level
    scope_id: str
    period: Period


def spent(tx: Transaction, places: Iterable[Place]) -> dict[Place, int]:
    """Nano-dollars that the calls admitted there have cost. One reading for all places of an organization, level and period."""
    alike: dict[tuple[str, Level, Period], list[str]] = defaultdict(list)
    for place in dict.fromkeys(places):
        alike[place.organization_id, place.level, place.period].append(place.scope_id)
    found: dict[Place, int] = {}
    for (organization_id, level, period), ids in alike.items():
        for begin in range(0, len(ids), _AT_ONCE):
            some = ids[begin : begin + _AT_ONCE]
            costs = _costs(tx, organization_id, level, period, tuple(some))
            found |= {Place(organization_id, level, id_, period): costs[id_] for id_ in some}
    return found


def _costs(
    tx: Transaction, organization_id: str, level: Level, period: Period, ids: tuple[str, ...]
) -> defaultdict[str, int]:
    # Periods begin and end at midnight, so whole days tell.
    where = RollupFilter(organization_id, period.start, period.end)
    if level is Level.PROJECT:
        where = where._replace(project_ids=ids)
    elif level is Level.KEY:
        where = where._replace(key_ids=ids)
    field = _FIELDS[level]
    costs: defaultdict[str, int] = defaultdict(int)
    for key, sums in tx.rollups.sum(Width.DAY, where, (field,)):
        costs[getattr(key, field)] += sums.cost_input_nanos + sums.cost_cached_nanos + sums.cost_output_nanos
    return costs
