"""Prepaid credit: nothing is paid twice, nothing negative, and nothing after a grant has expired."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.credit import CreditGrant, Payment, payments, standings

DAY = 86_400

_GRANTS = st.lists(
    st.tuples(st.integers(1, 500), st.integers(0, 20 * DAY), st.none() | st.integers(1, 25)), max_size=6
).map(
    lambda found: [
        CreditGrant(f"credit_{i}", "org-house", amount, made, None if days is None else days * DAY)
        for i, (amount, made, days) in enumerate(found)
    ]
)
_COSTS = st.dictionaries(st.integers(0, 24).map(lambda day: day * DAY), st.integers(0, 300), max_size=12)


@given(_GRANTS, _COSTS)
def test_payments_and_what_remains_are_the_cost(grants: list[CreditGrant], costs: dict[int, int]) -> None:
    made = payments(grants, costs)
    by_id = {grant.id: grant for grant in grants}
    for day, cost in costs.items():
        assert 0 <= sum(payment.nanos for payment in made if payment.day == day) <= cost
    for payment in made:
        grant = by_id[payment.grant_id]
        assert payment.nanos > 0
        assert grant.created_at < payment.day + DAY
        assert grant.expires_at is None or payment.day + DAY <= grant.expires_at
    for now in (0, 10 * DAY, 30 * DAY):
        for standing in standings(grants, made, now):
            parts = (standing.paid_nanos, standing.left_nanos, standing.expired_nanos)
            assert min(parts) >= 0
            assert sum(parts) == standing.grant.amount_nanos


@given(_GRANTS, _COSTS)
def test_no_credit_lies_idle_while_a_day_is_unpaid(grants: list[CreditGrant], costs: dict[int, int]) -> None:
    made = payments(grants, costs)
    left = {grant.id: grant.amount_nanos - sum(p.nanos for p in made if p.grant_id == grant.id) for grant in grants}
    for day, cost in costs.items():
        if sum(payment.nanos for payment in made if payment.day == day) < cost:
            assert not [grant for grant in grants if left[grant.id] and grant.pays_on(day)]


@given(_GRANTS, _COSTS, st.integers(0, 24), st.integers(1, 100))
def test_late_usage_neither_takes_credit_back_nor_adds_more_than_it_costs(
    grants: list[CreditGrant], costs: dict[int, int], day: int, late: int
) -> None:
    """What invoices rely on: of a later sum, what was credited and what was billed before are both parts."""
    after = {**costs, day * DAY: costs.get(day * DAY, 0) + late}
    for end in (10 * DAY, 25 * DAY):
        before, now = (_paid(grants, {d: c for d, c in days.items() if d < end}) for days in (costs, after))
        assert 0 <= now - before <= (late if day * DAY < end else 0)


def test_what_expires_first_pays_first() -> None:
    forever, soon = CreditGrant("credit_a", "org-house", 10, 0), CreditGrant("credit_b", "org-house", 10, 0, 2 * DAY)
    assert payments([forever, soon], {0: 4, DAY: 12, 2 * DAY: 3}) == (
        Payment(0, "credit_b", 4),
        Payment(DAY, "credit_b", 6),
        Payment(DAY, "credit_a", 6),
        Payment(2 * DAY, "credit_a", 3),
    )


def _paid(grants: list[CreditGrant], costs: dict[int, int]) -> int:
    return sum(payment.nanos for payment in payments(grants, costs))
