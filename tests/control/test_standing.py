"""Where budgets stand: by the ledger's balance where one is kept, by the reports' sums where none is, and the two agree."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyhouse.control import budgets
from keyhouse.control.budget_fields import BudgetFields
from keyhouse.control.standing import Standing, standing, standings
from keyhouse.domain.budgets import AtEnd, Budget, Interval, period_of
from keyhouse.domain.levels import Level
from keyhouse.ledger.balances import open_balance
from tests.control.houses import DAY, NOW, House
from tests.store.makers import make_row

STORES = ("sqlite", "postgres")


def create(house: House, interval: Interval = Interval.MONTH, **scope: Any) -> Budget:
    given = BudgetFields(name=interval.value, amount="1", interval=interval.value)
    return budgets.create(house.control, house.caller, given, **scope)


def spend(house: House, request_id: str, nanos: int | None, at: int = NOW, **changes: Any) -> None:
    facts = {"organization_id": house.caller.organization_id, "project_id": house.project_id}
    parts = {"cost_input_nanos": nanos, "cost_output_nanos": None if nanos is None else 0}
    row = make_row(request_id, admitted_at_us=at * 1_000_000, cost_nanos=nanos, **parts)
    house.store.ledger.append([row._replace(**facts | changes)])


def test_nothing_is_spent_where_nobody_called(house: House) -> None:
    budget = create(house)
    assert standing(house.control, budget) == Standing(period_of(Interval.MONTH, NOW), 0)
    assert standings(house.control, []) == {}


def test_a_kept_balance_tells_and_goes_on_telling(house: House) -> None:
    budget, other = create(house), create(house, Interval.DAY)
    spend(house, "req_1", 5)
    assert open_balance(house.store, budget, budget.period(NOW)) == 5
    spend(house, "req_2", 7)
    spend(house, "req_3", None, pricing="unpriced")
    stands = standings(house.control, [budget, other])
    assert (stands[budget.id].spent_nanos, stands[other.id].spent_nanos) == (12, 12)


def test_another_period_begins_at_nothing(house: House) -> None:
    budget = create(house, Interval.DAY)
    spend(house, "req_1", 5)
    open_balance(house.store, budget, budget.period(NOW))
    house.clock.now += DAY
    assert standing(house.control, budget).spent_nanos == 0
    spend(house, "req_2", 3, at=NOW + DAY)
    assert standing(house.control, budget).spent_nanos == 3


ROWS = st.lists(
    st.tuples(
        st.integers(-40, 0), st.sampled_from(["proj_a", "proj_b"]), st.sampled_from(["key_a", "key_b"]),
        st.none() | st.integers(0, 10**12),
    ),
    max_size=12,
)  # fmt: skip
"""(day before now, project, key, cost)"""


def everywhere(run: str) -> list[Budget]:
    """Budgets of every interval at every level, of an organization of this run's own."""
    scopes = ((f"org-{run}", Level.ORGANIZATION), (f"proj_a{run}", Level.PROJECT), (f"key_b{run}", Level.KEY))
    return [
        Budget(f"{scope_id}-{interval.value}", f"org-{run}", level, scope_id, "b", 1, interval, AtEnd.ALERT, NOW)
        for scope_id, level in scopes
        for interval in Interval
    ]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.sets(st.integers(0, 11)), st.uuids())
def test_balances_and_reports_agree_on_every_scope(
    house: House, rows: list[tuple[int, str, str, int | None]], opened: set[int], uuid: UUID
) -> None:
    """Whatever was spent when and where, and whichever balances were opened half way."""
    run = uuid.hex
    found = everywhere(run)
    for number, (day, project, key, nanos) in enumerate(rows):
        if number == len(rows) // 2:
            for index in opened:
                open_balance(house.store, found[index], found[index].period(NOW))
        scope = {"organization_id": f"org-{run}", "project_id": project + run, "key_id": key + run}
        spend(house, f"req_{run}{number}", nanos, NOW + day * DAY, **scope)
    stands = standings(house.control, found)
    for budget in found:
        period = budget.period(NOW)
        expected = sum(
            nanos or 0
            for day, project, key, nanos in rows
            if period.start <= NOW + day * DAY < period.end
            and budget.scope_id in {f"org-{run}", project + run, key + run}
        )
        assert stands[budget.id] == Standing(period, expected)
