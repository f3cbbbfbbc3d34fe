"""Requests for more: a person asks for a higher rate limit or a bigger budget, an owner grants or denies it.

    open → granted    the increase is in force, until its end where it has one
    open → denied

Both are final.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from keyhouse.domain.audit import Actor
from keyhouse.domain.levels import Level
from keyhouse.domain.limits import NOTHING_SET, RateLimits


class IncreaseKind(Enum):
    BUDGET = "budget"
    RATE_LIMIT = "rate_limit"


class IncreaseStatus(Enum):
    DENIED = "denied"
    GRANTED = "granted"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class IncreaseRequest:
    """What is asked for, and what became of it. Times are Unix seconds.

    A rate limit's request names the `model` and the `limits` that are wanted; a budget's the budget and the nano-dollars to be
    added to its amount. `until` ends the increase; None, which a budget's never is, lets it stay.
    """

    id: str
    organization_id: str
    kind: IncreaseKind
    level: Level
    scope_id: str
    reason: str
    requested_by: Actor
    created_at: int
    model: str | None = None
    limits: RateLimits = NOTHING_SET
    budget_id: str | None = None
    amount_nanos: int | None = None
    until: int | None = None
    status: IncreaseStatus = IncreaseStatus.OPEN
    decided_by: Actor | None = None
    decided_at: int | None = None
