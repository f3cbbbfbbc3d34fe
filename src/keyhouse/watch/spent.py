"""What was spent at a level in a period, from the reports' sums; they are some seconds behind the calls at most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from keyhouse.domain.budgets import Period
from keyhouse.domain.levels import Level
from keyhouse.ledger.reports import rolled_up_costs
from keyhouse.store.contract import Transaction

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
            costs = rolled_up_costs(tx, organization_id, level, period, tuple(some))
            found |= {Place(organization_id, level, id_, period): costs[id_] for id_ in some}
    return found
