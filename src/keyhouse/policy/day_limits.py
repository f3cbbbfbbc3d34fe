"""Limits of a day go on after a restart: what the store has counted goes into the counters before the first call comes."""

from __future__ import annotations

from collections import defaultdict

from keyhouse.domain.limits import DAY, LimitName
from keyhouse.policy.windows import WindowCounters
from keyhouse.store.contract import Store


def restore_day_limits(counters: WindowCounters, store: Store, now: int) -> None:
    """At `now` (Unix seconds), when every row of the ledger is rolled up.

    Only the minute of a call is known: it counts as if it had come in that minute's last second. What lies ahead of the clock,
    which was set back, counts as if it came now.
    """
    with store.read() as tx:
        counted = tx.day_counts.since(now - DAY - 120)
    by_name: dict[LimitName, list[tuple[int, int]]] = defaultdict(list)
    for (name, minute), amount in counted:
        by_name[name].append(((now - minute - 59) * 1000, amount))
    for name, taken in by_name.items():
        counters.restore(name, taken)
