"""What limits of a day have counted, from the ledger's rows: a request for each row, in the minute of its admission."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set

from keyhouse.domain.levels import Level
from keyhouse.domain.limits import LimitKind, LimitName
from keyhouse.domain.usage import UsageRow
from keyhouse.store.contract import DayCell, RollupKey, RollupSums

DayAmounts = Counter[DayCell]
_KIND = LimitKind.REQUESTS_PER_DAY


def count(into: DayAmounts, rows: Iterable[UsageRow], watched: Set[LimitName]) -> None:
    """Adds what organizations' and projects' limits count of these rows."""
    if not watched:
        return
    for row in rows:
        model = row.model_asked or ""
        for name in (
            LimitName(Level.ORGANIZATION, row.organization_id, model, _KIND),
            LimitName(Level.PROJECT, row.project_id, model, _KIND),
        ):
            if name in watched:
                second = row.admitted_at_us // 1_000_000
                into[DayCell(name, second - second % 60)] += 1


def of_keys(minutes: Mapping[RollupKey, RollupSums], watched: Set[LimitName]) -> DayAmounts:
    """What keys' limits count, which is every call whatever its model: added up from sums by minute."""
    found = DayAmounts()
    if watched:
        names = {name.id: name for name in watched}
        for key, sums in minutes.items():
            if key.key_id in names:
                found[DayCell(names[key.key_id], key.bucket)] += sums.requests
    return found
