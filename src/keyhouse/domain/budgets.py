"""Budgets: how much may be spent at a level in a period, and what happens at the end of it. Money is integer nano-dollars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import NamedTuple

from keyhouse.domain.levels import Level

_DAY = 86_400
FOREVER = 2**62
"""The end of a period that does not end (Unix seconds)."""


class Interval(Enum):
    """A budget's period, in UTC. A week begins on Monday; `total` never begins anew."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"


class AtEnd(Enum):
    """What happens to calls when the money is spent."""

    REFUSE = "refuse"
    THROTTLE = "throttle"
    ALERT = "alert"


class Period(NamedTuple):
    """Unix seconds: `start` belongs to it, `end` does not. Both are midnights, but for `total`'s 0 and `FOREVER`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Budget:
    """`scope_id` is the organization's, project's or key's id. `amount_nanos` may be 0: then nothing may be spent.

    `throttle_per_minute`: calls a minute when it is spent, where `at_end` is THROTTLE. An increase adds to the amount until
    `increase_until` (Unix seconds). `name` is the owner's, in sentences.
    """

    id: str
    organization_id: str
    level: Level
    scope_id: str
    name: str
    amount_nanos: int
    interval: Interval
    at_end: AtEnd
    created_at: int
    throttle_per_minute: int | None = None
    increase_nanos: int = 0
    increase_until: int | None = None

    def amount_at(self, now: int) -> int:
        """Nano-dollars that may be spent in the period, with an increase that is in force at `now`."""
        grown = self.increase_until is not None and now < self.increase_until
        return self.amount_nanos + self.increase_nanos if grown else self.amount_nanos

    def period(self, at: int) -> Period:
        return period_of(self.interval, at)


def period_of(interval: Interval, at: int) -> Period:
    """The period of this length in which `at` (Unix seconds) lies."""
    midnight = at - at % _DAY
    match interval:
        case Interval.DAY:
            return Period(midnight, midnight + _DAY)
        case Interval.WEEK:
            monday = midnight - (midnight // _DAY + 3) % 7 * _DAY  # 1 January 1970 was a Thursday
            return Period(monday, monday + 7 * _DAY)
        case Interval.MONTH:
            first = datetime.fromtimestamp(at, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            after = (first + timedelta(days=32)).replace(day=1)
            return Period(int(first.timestamp()), int(after.timestamp()))
        case Interval.TOTAL:
            return Period(0, FOREVER)
