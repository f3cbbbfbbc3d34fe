"""Prepaid credit: what each grant has paid, as a function of the grants and of what every day cost.

There is no second balance that could drift from the ledger. A day's cost is paid by the grants of that day or earlier that have
not expired, the one that expires first before the others. Days and expiries are midnights in UTC, so no day is half paid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class CreditGrant:
    """Credit for usage from the day of `created_at` on, until `expires_at` (Unix seconds, a midnight; None: for ever)."""

    id: str
    organization_id: str
    amount_nanos: int
    created_at: int
    expires_at: int | None = None
    note: str = ""

    def pays_on(self, day: int) -> bool:
        """Whether it may pay for the day that begins at `day`."""
        return self.created_at - self.created_at % _DAY <= day and (self.expires_at is None or day < self.expires_at)


class Payment(NamedTuple):
    """What a grant paid of a day's cost, in nano-dollars."""

    day: int
    grant_id: str
    nanos: int


class Standing(NamedTuple):
    """A grant at a time: what it has paid, what it still may pay, and what it took along when it expired."""

    grant: CreditGrant
    paid_nanos: int
    left_nanos: int
    expired_nanos: int


def payments(grants: Sequence[CreditGrant], daily_costs: Mapping[int, int]) -> tuple[Payment, ...]:
    """Who pays what of every day's cost (midnight → nano-dollars); what no payment covers is to be paid by invoice."""
    ordered = sorted(grants, key=lambda g: (g.expires_at is None, g.expires_at or 0, g.created_at, g.id))
    left = {grant.id: grant.amount_nanos for grant in ordered}
    made: list[Payment] = []
    for day, cost in sorted(daily_costs.items()):
        for grant in ordered:
            paid = min(cost, left[grant.id]) if grant.pays_on(day) else 0
            if paid:
                made.append(Payment(day, grant.id, paid))
                left[grant.id] -= paid
                cost -= paid
    return tuple(made)


def standings(grants: Sequence[CreditGrant], made: Sequence[Payment], now: int) -> tuple[Standing, ...]:
    """Every grant at `now` (Unix seconds), in the order given."""
    paid: dict[str, int] = {}
    for payment in made:
        paid[payment.grant_id] = paid.get(payment.grant_id, 0) + payment.nanos
    found = []
    for grant in grants:
        used = paid.get(grant.id, 0)
        rest = grant.amount_nanos - used
        over = grant.expires_at is not None and grant.expires_at <= now
        found.append(Standing(grant, used, 0 if over else rest, rest if over else 0))
    return tuple(found)
