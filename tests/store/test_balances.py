"""Balances: what the rows of a scope and period cost, whatever was appended in whichever order."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from keyhouse.domain.budgets import FOREVER
from keyhouse.domain.usage import UsageRow
from keyhouse.store.contract import BALANCES_KEPT_SECONDS, Balance, RowRefused, Store
from keyhouse.store.types import INT64_MAX
from tests.store.conftest import Reopen
from tests.store.makers import ORG, PROJECT, make_row

DAY = 86_400
T0 = 20_000 * DAY
KEY = "key_000001"


def row(request_id: str, cost: int | None = 10, at: int = T0, at_us: int | None = None, **changes: object) -> UsageRow:
    return make_row(request_id, cost_nanos=cost, admitted_at_us=at * 1_000_000 if at_us is None else at_us, **changes)


def day(scope_id: str, start: int = T0, spent: int = 0) -> Balance:
    return Balance(scope_id, "budget_1", start, start + DAY, spent)


def spent(store: Store) -> list[int]:
    return [balance.spent_nanos for balance in store.ledger.balances()]


def test_a_row_is_charged_to_its_organization_project_and_key(empty_store: Store) -> None:
    for scope_id in (ORG, PROJECT, KEY, "key_other", "org-other"):
        assert empty_store.ledger.open_balance(day(scope_id)) == 0
    empty_store.ledger.append([row("req_1", 10), row("req_2", 5, key_id="key_other"), row("req_3", None)])
    assert {b.scope_id: b.spent_nanos for b in empty_store.ledger.balances()} == {
        ORG: 15, PROJECT: 15, KEY: 10, "key_other": 5, "org-other": 0,
    }  # fmt: skip


def test_a_row_belongs_to_the_periods_of_its_admission(empty_store: Store) -> None:
    periods = [(T0, T0 + DAY), (T0 + DAY, T0 + 2 * DAY), (T0 - 3 * DAY, T0 + 4 * DAY), (0, FOREVER)]
    for n, (start, end) in enumerate(periods):
        empty_store.ledger.open_balance(Balance(KEY, f"budget_{n}", start, end, 0))
    last = (T0 + DAY) * 1_000_000 - 1
    empty_store.ledger.append([row("req_1", 1, at_us=last), row("req_2", 10, at=T0 + DAY), row("req_3", 100)])
    empty_store.ledger.append([row("req_4", 1000, at=T0 + 4 * DAY), row("req_5", 10_000, at=T0 - DAY)])
    assert spent(empty_store) == [101, 10, 10_111, 11_111]


def test_a_request_id_that_is_there_is_not_charged_again(empty_store: Store) -> None:
    empty_store.ledger.open_balance(day(KEY))
    empty_store.ledger.append([row("req_1", 1), row("req_2", 2)])
    empty_store.ledger.append(
        [row("req_1", 500), row("req_3", 4), row("req_3", 500), row("req_2", 500), row("req_0", 8)]
    )
    empty_store.ledger.append([row("req_1", 500)])
    assert spent(empty_store) == [15]


def test_opening_counts_the_rows_after_what_it_was_given(empty_store: Store) -> None:
    ledger = empty_store.ledger
    ledger.append([row("req_1", 1), row("req_2", None)])
    through = ledger.since(0)[-1].seq
    ledger.append(
        [row("req_3", 2), row("req_4", 4, at=T0 + DAY), row("req_5", 8, key_id="key_other"), row("req_6", None)]
    )
    assert ledger.open_balance(day(KEY, spent=1000), through) == 1002
    ledger.append([row("req_7", 16)])
    assert spent(empty_store) == [1018]


def test_a_balance_that_is_open_stays_as_it_is(empty_store: Store) -> None:
    assert empty_store.ledger.open_balance(day(KEY, spent=7)) == 7
    empty_store.ledger.append([row("req_1", 1)])
    assert empty_store.ledger.open_balance(day(KEY, spent=1000)) == 8
    assert empty_store.ledger.open_balance(day(KEY, T0 + DAY, spent=3)) == 3
    assert empty_store.ledger.balances() == [day(KEY, spent=8), day(KEY, T0 + DAY, spent=3)]


def test_a_period_of_another_length_takes_the_place_of_one_that_begins_with_it(empty_store: Store) -> None:
    ledger = empty_store.ledger
    ledger.open_balance(day(KEY))
    ledger.append([row("req_1", 1), row("req_2", 2, T0 + DAY)])
    assert ledger.open_balance(day(KEY)._replace(period_end=T0 + 7 * DAY)) == 3
    ledger.append([row("req_3", 4, T0 + 2 * DAY)])
    assert ledger.balances() == [Balance(KEY, "budget_1", T0, T0 + 7 * DAY, 7)]


def test_balances_are_read_by_budget_and_after_a_restart(empty_store: Store, opener: Reopen) -> None:
    for budget_id in ("budget_1", "budget_2", "budget_3"):
        empty_store.ledger.open_balance(day(KEY)._replace(budget_id=budget_id))
    again = opener()
    again.ledger.append([row("req_1", 3)])
    assert [b.budget_id for b in again.ledger.balances(["budget_3", "budget_1", "budget_9"])] == [
        "budget_1",
        "budget_3",
    ]
    assert again.ledger.balances([]) == []
    assert spent(empty_store) == [3, 3, 3]


def test_rows_that_were_refused_are_not_charged(empty_store: Store) -> None:
    empty_store.ledger.open_balance(day(KEY))
    with pytest.raises(RowRefused):
        empty_store.ledger.append([row("req_1"), row("req_2", status=None)])
    assert spent(empty_store) == [0]
    empty_store.ledger.append([row("req_1", 10)])
    assert spent(empty_store) == [10]


def test_a_balance_stops_at_what_64_bits_hold(empty_store: Store) -> None:
    """An upstream can report any number of tokens; the rows beside it must be kept, and the balance stay a number."""
    empty_store.ledger.open_balance(day(KEY, spent=INT64_MAX - 15))
    empty_store.ledger.append([row("req_1", 10)])
    assert spent(empty_store) == [INT64_MAX - 5]
    empty_store.ledger.append([row("req_2", 6), row("req_3", 10**30), row("req_4", INT64_MAX)])
    assert spent(empty_store) == [INT64_MAX]
    empty_store.ledger.append([row("req_5", 1)])
    assert spent(empty_store) == [INT64_MAX]
    assert empty_store.ledger.open_balance(day(ORG)) == INT64_MAX


def test_balances_are_kept_for_400_days(empty_store: Store) -> None:
    late = T0 + DAY + BALANCES_KEPT_SECONDS
    for start in (T0, T0 + DAY):
        empty_store.ledger.open_balance(day(KEY, start))
    empty_store.ledger.open_balance(Balance(KEY, "budget_2", 0, FOREVER, 0))
    empty_store.ledger.open_balance(day(KEY, late - DAY))
    assert len(empty_store.ledger.balances()) == 4
    empty_store.ledger.open_balance(day(KEY, late))
    assert [b.period_start for b in empty_store.ledger.balances()] == [T0 + DAY, late - DAY, late, 0]


def test_balances_are_exact_whoever_opens_and_appends_meanwhile(empty_store: Store, opener: Reopen) -> None:
    """Two processes' stores append, double and open at random; a row is counted by an opening or by its own append."""
    stores = [empty_store, opener(), opener()]
    scopes = [ORG, PROJECT, *(f"key_{n}" for n in range(4))]

    def write(number: int) -> None:
        rng = random.Random(number)  # noqa: S311
        rows = [
            row(f"req_{n}", n, T0 + n % 3 * DAY, key_id=f"key_{n % 4}")
            for n in rng.sample(range(600), rng.randrange(1, 9))
        ]
        stores[number % 2].ledger.append(rows)
        if number % 3 == 0:
            start = T0 + rng.randrange(3) * DAY
            stores[2].ledger.open_balance(Balance(rng.choice(scopes), f"budget_{number % 5}", start, start + DAY, 0))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(150)))
    counted = empty_store.ledger.recount()
    assert len(counted.balances) > 10
    for balance in counted.balances:
        rows = [found.row for found in empty_store.ledger.since(0)]
        assert balance.spent_nanos == sum(
            r.cost_nanos or 0
            for r in rows
            if balance.scope_id in {r.organization_id, r.project_id, r.key_id}
            and balance.period_start <= r.admitted_at_us // 1_000_000 < balance.period_end
        )


def test_an_append_that_waits_while_a_balance_is_opened_is_charged_to_it(empty_store: Store, opener: Reopen) -> None:
    """The append has begun, and may have looked at the balances, before the opening is committed."""
    other = opener()
    began, result = threading.Event(), []

    def append() -> None:
        began.set()
        other.ledger.append([row("req_2", 5)])
        result.append("done")

    empty_store.ledger.append([row("req_1", 1)])
    other.ledger.append([row("req_0", None)])
    thread = threading.Thread(target=append)
    openings = empty_store.ledger._openings  # type: ignore[attr-defined]  # the transaction of an opening, held open here
    with openings.begin() as connection:
        from keyhouse.store.balances import open_in

        assert open_in(connection, day(KEY), 0) == 1
        thread.start()
        began.wait(5)
        thread.join(0.3)
        assert result == [], "an append ran beside an opening"
    thread.join(5)
    assert result == ["done"]
    assert spent(empty_store) == [6]


def test_recount_adds_up_rows_by_key_and_day_at_one_moment(empty_store: Store) -> None:
    ledger = empty_store.ledger
    assert ledger.recount() == (0, [], [])
    ledger.open_balance(day(KEY))
    ledger.append([row("req_1", 1), row("req_2", None, T0 + DAY - 1), row("req_3", INT64_MAX), row("req_4", INT64_MAX)])
    ledger.append([row("req_5", 4, T0 + DAY), row("req_6", 8, key_id="key_other")])
    seqs = [found.seq for found in ledger.since(0)]
    counted = ledger.recount()
    assert counted.last_seq == seqs[-1]
    assert counted.balances == ledger.balances()
    assert sorted(counted.days) == [
        (ORG, PROJECT, KEY, T0, 4, 2 * INT64_MAX + 1), (ORG, PROJECT, KEY, T0 + DAY, 1, 4), (ORG, PROJECT, "key_other", T0, 1, 8),
    ]  # fmt: skip
    early = ledger.recount(through_seq=seqs[1])
    assert (early.last_seq, list(early.days)) == (seqs[1], [(ORG, PROJECT, KEY, T0, 2, 1)])
