"""What every implementation of `policy.reservations` must do: all levels or none, exact on both sides, nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from keyhouse.domain.budgets import AtEnd, Budget, Interval
from keyhouse.policy.money import MemoryReservations
from keyhouse.policy.reservations import Balances, Reservation, Reservations, Scopes, Spent
from keyhouse.store.contract import LedgerUnavailable
from tests.policy.ledgers import ALICE, BOB, CHARLIE, NOON, QueuedLedger, Row, budget

DAY = 86_400
MIDNIGHT = NOON + DAY // 2
ORG, PROJECT, KEY = budget("org_1", 1_000), budget("proj_1", 600), budget("key_alice", 300)
LEVELS = (ORG, PROJECT, KEY)

Make = Callable[[Balances], Reservations]


@pytest.fixture(params=[MemoryReservations])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


@pytest.fixture
def ledger() -> QueuedLedger:
    return QueuedLedger()


@pytest.fixture
def money(make: Make, ledger: QueuedLedger) -> Reservations:
    return make(ledger)


async def end(money: Reservations, ledger: QueuedLedger, held: Reservation, row: Row) -> None:
    """A call's end, in the order that is asked for: its row is in the ledger's queue, then it is settled."""
    ledger.append(row)
    await money.settle(held, row.cost_nanos)


async def spend(money: Reservations, ledger: QueuedLedger, row: Row) -> None:
    await end(money, ledger, await money.reserve(row.scopes, (), 0, row.at), row)


def cost(nanos: int, scopes: Scopes = ALICE, at: int = NOON) -> Row:
    return Row(scopes, at, nanos)


# --- all or none ---


async def test_a_call_reserves_on_every_level_and_settles_on_every_level(
    money: Reservations, ledger: QueuedLedger
) -> None:
    held = await money.reserve(ALICE, LEVELS, 250, NOON)
    assert [money.standing(one, NOON) for one in LEVELS] == [(0, 250)] * 3
    assert (held.amount_nanos, list(held.throttled), money.outstanding) == (250, [], 1)
    await end(money, ledger, held, cost(40))
    assert [money.standing(one, NOON) for one in LEVELS] == [(40, 0)] * 3
    assert money.outstanding == 0


@pytest.mark.parametrize("short", LEVELS, ids=lambda one: one.scope_id)
async def test_a_level_without_room_refuses_and_no_level_keeps_anything(money: Reservations, short: Budget) -> None:
    budgets = [replace(one, amount_nanos=99 if one is short else 1_000) for one in LEVELS]
    with pytest.raises(Spent) as refused:
        await money.reserve(ALICE, budgets, 100, NOON)
    assert (refused.value.budget.scope_id, refused.value.budget.amount_nanos) == (short.scope_id, 99)
    assert (refused.value.asked_nanos, refused.value.left_nanos) == (100, 99)
    assert refused.value.period == KEY.period(NOON)
    assert [money.standing(one, NOON) for one in budgets] == [(0, 0)] * 3
    assert money.outstanding == 0


async def test_what_exactly_fits_is_admitted_and_a_nano_dollar_more_is_not(money: Reservations) -> None:
    await money.reserve(ALICE, LEVELS, 200, NOON)
    with pytest.raises(Spent):
        await money.reserve(ALICE, LEVELS, 101, NOON)
    await money.reserve(ALICE, LEVELS, 100, NOON)
    with pytest.raises(Spent):
        await money.reserve(ALICE, LEVELS, 1, NOON)


async def test_of_several_budgets_without_room_the_one_with_the_least_is_named(money: Reservations) -> None:
    budgets = [replace(ORG, amount_nanos=50), replace(PROJECT, amount_nanos=20), replace(KEY, amount_nanos=30)]
    with pytest.raises(Spent) as refused:
        await money.reserve(ALICE, budgets, 60, NOON)
    assert (refused.value.budget.scope_id, refused.value.left_nanos) == ("proj_1", 20)


async def test_calls_of_other_scopes_do_not_meet(money: Reservations, ledger: QueuedLedger) -> None:
    others = budget("org_2", 100, organization_id="org_2")
    held = await money.reserve(CHARLIE, [others], 100, NOON)
    await money.reserve(ALICE, LEVELS, 300, NOON)
    await end(money, ledger, held, cost(100, CHARLIE))
    assert money.standing(ORG, NOON) == (0, 300)
    assert money.standing(others, NOON) == (100, 0)


async def test_a_negative_amount_is_a_fault(money: Reservations) -> None:
    held = await money.reserve(ALICE, LEVELS, 10, NOON)
    with pytest.raises(ValueError, match="-1"):
        await money.reserve(ALICE, LEVELS, -1, NOON)
    with pytest.raises(ValueError, match="-1"):
        await money.extend(held, -1)
    assert money.standing(KEY, NOON) == (0, 10)


async def test_amounts_have_no_upper_bound(money: Reservations) -> None:
    rich = replace(KEY, amount_nanos=10**30)
    await money.reserve(ALICE, [rich], 10**30, NOON)
    with pytest.raises(Spent):
        await money.reserve(ALICE, [rich], 10**40, NOON)


# --- a budget at its end ---


async def test_a_spent_budget_refuses_what_costs_nothing_too(money: Reservations, ledger: QueuedLedger) -> None:
    await end(money, ledger, await money.reserve(ALICE, [KEY], 300, NOON), cost(300))
    with pytest.raises(Spent) as refused:
        await money.reserve(ALICE, [KEY], 0, NOON)
    assert refused.value.left_nanos == 0


async def test_a_budget_of_nothing_refuses_every_call(money: Reservations) -> None:
    with pytest.raises(Spent):
        await money.reserve(ALICE, [replace(KEY, amount_nanos=0)], 0, NOON)


async def test_money_that_is_only_promised_does_not_refuse_what_costs_nothing(money: Reservations) -> None:
    await money.reserve(ALICE, [KEY], 300, NOON)
    await money.reserve(ALICE, [KEY], 0, NOON)


async def test_a_throttling_budget_never_refuses_and_says_when_it_is_spent(
    money: Reservations, ledger: QueuedLedger
) -> None:
    slow = replace(KEY, at_end=AtEnd.THROTTLE, throttle_per_minute=3)
    held = await money.reserve(ALICE, [ORG, slow], 900, NOON)
    assert list(held.throttled) == []
    assert list((await money.reserve(ALICE, [ORG, slow], 10, NOON)).throttled) == []  # promised is not spent
    await end(money, ledger, held, cost(300))
    assert list((await money.reserve(ALICE, [ORG, slow], 10, NOON)).throttled) == [slow]


async def test_an_alerting_budget_never_refuses_and_still_counts(money: Reservations, ledger: QueuedLedger) -> None:
    told = replace(KEY, at_end=AtEnd.ALERT)
    held = await money.reserve(ALICE, [told], 5_000, NOON)
    assert await money.extend(held, 5_000)
    assert list(held.throttled) == []
    await end(money, ledger, held, cost(7_000))
    assert list((await money.reserve(ALICE, [told], 1, NOON)).throttled) == []
    assert money.standing(told, NOON) == (7_000, 1)


# --- slices ---


async def test_a_slice_is_taken_on_every_level_or_on_none(money: Reservations) -> None:
    held = await money.reserve(ALICE, LEVELS, 100, NOON)
    assert await money.extend(held, 150)
    assert held.amount_nanos == 250
    assert not await money.extend(held, 51)
    assert [money.standing(one, NOON) for one in LEVELS] == [(0, 250)] * 3
    assert held.amount_nanos == 250
    assert await money.extend(held, 50)
    assert await money.extend(held, 0)


async def test_a_slice_sees_what_others_hold(money: Reservations) -> None:
    held = await money.reserve(ALICE, [PROJECT], 100, NOON)
    await money.reserve(BOB, [PROJECT], 450, NOON)
    assert not await money.extend(held, 51)
    assert await money.extend(held, 50)


async def test_an_ended_call_gets_no_slice(money: Reservations, ledger: QueuedLedger) -> None:
    held = await money.reserve(ALICE, LEVELS, 100, NOON)
    await end(money, ledger, held, cost(1))
    assert not await money.extend(held, 1)
    assert money.standing(KEY, NOON) == (1, 0)


async def test_a_call_under_no_budget_may_have_every_slice(money: Reservations) -> None:
    held = await money.reserve(ALICE, (), 10, NOON)
    assert await money.extend(held, 10**15)


# --- settling ---


async def test_settling_twice_is_settling_once(money: Reservations, ledger: QueuedLedger) -> None:
    held = await money.reserve(ALICE, LEVELS, 100, NOON)
    other = await money.reserve(ALICE, LEVELS, 100, NOON)
    await end(money, ledger, held, cost(60))
    await money.settle(held, 60)
    await money.settle(held, 10**9)
    assert money.standing(KEY, NOON) == (60, 100)
    assert money.outstanding == 1
    await end(money, ledger, other, cost(0))
    assert money.standing(KEY, NOON) == (60, 0)


async def test_what_was_used_beyond_the_bound_is_spent_and_refuses_the_next(
    money: Reservations, ledger: QueuedLedger
) -> None:
    await end(money, ledger, await money.reserve(ALICE, LEVELS, 100, NOON), cost(450))
    assert money.standing(KEY, NOON) == (450, 0)
    with pytest.raises(Spent) as refused:
        await money.reserve(ALICE, LEVELS, 0, NOON)
    assert refused.value.left_nanos == -150


async def test_calls_that_reserved_nothing_are_spent_too(money: Reservations, ledger: QueuedLedger) -> None:
    await money.reserve(ALICE, [KEY], 1, NOON)
    await spend(money, ledger, cost(70))
    assert money.standing(KEY, NOON) == (70, 1)


# --- what the ledger says ---


async def test_an_account_begins_with_what_the_ledger_says(money: Reservations, ledger: QueuedLedger) -> None:
    await spend(money, ledger, cost(250))
    await spend(money, ledger, cost(25, BOB))
    await spend(money, ledger, cost(1_000, at=NOON - DAY))
    assert money.standing(KEY, NOON) is None
    with pytest.raises(Spent) as refused:
        await money.reserve(ALICE, LEVELS, 51, NOON)
    assert refused.value.left_nanos == 50
    assert [money.standing(one, NOON) for one in LEVELS] == [(275, 0), (275, 0), (250, 0)]


async def test_an_account_is_asked_for_once_however_many_calls_wait(make: Make) -> None:
    ledger = QueuedLedger(is_slow=True)
    money = make(ledger)
    calls = [asyncio.create_task(money.reserve(ALICE, LEVELS, 100, NOON)) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert (ledger.opened, money.standing(KEY, NOON)) == (3, None)
    ledger.work()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(answer, Spent) for answer in answers] == [False] * 3 + [True] * 2
    assert money.standing(KEY, NOON) == (0, 300)


async def test_a_call_that_ends_while_an_account_is_opened_is_spent_once(make: Make) -> None:
    ledger = QueuedLedger(is_slow=True)
    money = make(ledger)
    before, during, after = [await money.reserve(ALICE, (), 0, NOON) for _ in range(3)]
    await end(money, ledger, before, cost(7))
    waiting = asyncio.create_task(money.reserve(ALICE, LEVELS, 1, NOON))
    await asyncio.sleep(0.01)
    await end(money, ledger, during, cost(20))
    ledger.work()
    await end(money, ledger, after, cost(100))
    await waiting
    assert [money.standing(one, NOON) for one in LEVELS] == [(127, 1)] * 3
    assert ledger.truth("key_alice", KEY.period(NOON)) == 127


async def test_a_ledger_that_is_away_refuses_the_call_and_is_asked_again_by_the_next(
    money: Reservations, ledger: QueuedLedger
) -> None:
    ledger.is_away = True
    answers = await asyncio.gather(*(money.reserve(ALICE, LEVELS, 1, NOON) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(answer, LedgerUnavailable) for answer in answers)
    assert money.outstanding == 0
    ledger.is_away = False
    await spend(money, ledger, cost(30))
    await money.reserve(ALICE, LEVELS, 1, NOON)
    assert [money.standing(one, NOON) for one in LEVELS] == [(30, 1)] * 3


async def test_a_call_that_is_cancelled_while_it_waits_holds_nothing_and_spoils_nothing(make: Make) -> None:
    ledger = QueuedLedger(is_slow=True)
    money = make(ledger)
    gone, stays = [asyncio.create_task(money.reserve(ALICE, LEVELS, 200, NOON)) for _ in range(2)]
    await asyncio.sleep(0.01)
    gone.cancel()
    ledger.work()
    await stays
    assert gone.cancelled() or isinstance(gone.exception(), asyncio.CancelledError)
    assert [money.standing(one, NOON) for one in LEVELS] == [(0, 200)] * 3
    assert money.outstanding == 1


# --- periods and amounts change ---


async def test_a_call_belongs_to_the_period_of_its_admission(money: Reservations, ledger: QueuedLedger) -> None:
    late = await money.reserve(ALICE, [KEY], 300, MIDNIGHT - 1)
    early = await money.reserve(ALICE, [KEY], 300, MIDNIGHT)
    await end(money, ledger, late, cost(290, at=MIDNIGHT - 1))
    assert money.standing(KEY, MIDNIGHT - 1) == (290, 0)
    assert money.standing(KEY, MIDNIGHT) == (0, 300)
    await end(money, ledger, early, cost(5, at=MIDNIGHT))
    assert money.standing(KEY, MIDNIGHT) == (5, 0)


async def test_a_clock_that_jumps_an_hour_back_and_forth_over_midnight_keeps_two_days_apart(
    money: Reservations, ledger: QueuedLedger
) -> None:
    for n in range(6):
        at = MIDNIGHT - 1_800 + 3_600 * (n % 2)
        await end(money, ledger, await money.reserve(ALICE, [KEY], 100, at), cost(40 + n % 2, at=at))
    assert money.standing(KEY, MIDNIGHT - 1_800) == (120, 0)
    assert money.standing(KEY, MIDNIGHT + 1_800) == (123, 0)
    for at in (MIDNIGHT - 1_800, MIDNIGHT + 1_800):
        with pytest.raises(Spent):
            await money.reserve(ALICE, [KEY], 181, at)


async def test_a_changed_amount_is_in_force_at_the_next_call(money: Reservations, ledger: QueuedLedger) -> None:
    held = await money.reserve(ALICE, [KEY], 250, NOON)
    with pytest.raises(Spent) as refused:
        await money.reserve(ALICE, [replace(KEY, amount_nanos=200)], 1, NOON)
    assert refused.value.left_nanos == -50
    assert not await money.extend(held, 1)
    await money.reserve(ALICE, [replace(KEY, amount_nanos=500)], 100, NOON)
    assert await money.extend(held, 150)
    assert not await money.extend(held, 1)


async def test_an_increase_holds_until_its_end(money: Reservations) -> None:
    grown = replace(KEY, increase_nanos=200, increase_until=NOON + 60)
    await money.reserve(ALICE, [grown], 400, NOON + 59)
    with pytest.raises(Spent) as refused:
        await money.reserve(ALICE, [grown], 1, NOON + 60)
    assert refused.value.left_nanos == -100


async def test_another_interval_is_another_account(money: Reservations, ledger: QueuedLedger) -> None:
    await spend(money, ledger, cost(100, at=NOON - DAY))
    held = await money.reserve(ALICE, [KEY], 10, NOON)
    weekly = replace(KEY, interval=Interval.WEEK)
    await money.reserve(ALICE, [weekly], 10, NOON)
    await end(money, ledger, held, cost(10))
    assert money.standing(weekly, NOON) == (110, 10)
    assert money.standing(replace(KEY, interval=Interval.TOTAL), NOON) is None


async def test_a_budget_that_is_younger_than_a_call_is_charged_for_it(
    money: Reservations, ledger: QueuedLedger
) -> None:
    held = await money.reserve(ALICE, [ORG], 100, NOON)
    await money.reserve(BOB, [ORG, PROJECT], 1, NOON)
    assert money.standing(PROJECT, NOON) == (0, 1)
    await end(money, ledger, held, cost(80))
    assert money.standing(PROJECT, NOON) == (80, 1)


# --- a crowd ---


async def test_a_crowd_that_is_cancelled_anywhere_leaves_nothing_reserved(make: Make) -> None:
    ledger = QueuedLedger(is_slow=True)
    money = make(ledger)

    def time_of(n: int) -> int:
        return MIDNIGHT - 1_800 + 3_600 * (n % 2)

    async def call(n: int) -> None:
        held = await money.reserve(ALICE, LEVELS, 3, time_of(n))
        used = 0
        try:
            await asyncio.sleep(0)
            if await money.extend(held, 2):
                used = 4
            await asyncio.sleep(0)
        finally:
            await end(money, ledger, held, cost(used, at=time_of(n)))

    calls = [asyncio.create_task(call(n)) for n in range(300)]
    for n, running in enumerate(calls):
        if n % 3 == 0:
            running.cancel()
        if n % 7 == 0:
            ledger.work(1)
            await asyncio.sleep(0)
    while not all(running.done() for running in calls):
        ledger.work(1)
        await asyncio.sleep(0)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} == {asyncio.CancelledError, Spent, type(None)}
    assert money.outstanding == 0
    for n in range(2):
        spent = ledger.truth("key_alice", KEY.period(time_of(n)))
        assert [money.standing(one, time_of(n)) for one in LEVELS] == [(spent, 0)] * 3
        assert 0 < spent <= 300
