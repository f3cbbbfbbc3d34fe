"""What reservations in memory do beyond the contract: they forget what is idle, and what was removed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from keyhouse.domain.budgets import Budget, Interval
from keyhouse.policy.money import MemoryReservations
from keyhouse.policy.reservations import Reservation, Scopes, Spent
from tests.policy.ledgers import ALICE, NOON, QueuedLedger, Row, budget

DAY = 86_400
ORG = budget("org_1", 10**9)


def key_budget(n: int) -> Budget:
    return budget(f"key_{n}", 100)


def scopes(n: int) -> Scopes:
    return Scopes("org_1", "proj_1", f"key_{n}")


async def call(money: MemoryReservations, ledger: QueuedLedger, n: int, cost: int, at: int = NOON) -> None:
    held = await money.reserve(scopes(n), [ORG, key_budget(n)], cost, at)
    ledger.append(Row(scopes(n), at, cost))
    await money.settle(held, cost)


async def test_accounts_of_idle_keys_are_forgotten_and_opened_again_from_the_ledger() -> None:
    ledger = QueuedLedger()
    money = MemoryReservations(ledger, most_accounts=50)
    for n in range(1_000):
        await call(money, ledger, n, 60)
    assert money.accounts <= 50
    assert money.standing(key_budget(0), NOON) is None
    assert money.standing(ORG, NOON) == (60_000, 0)
    with pytest.raises(Spent) as refused:
        await money.reserve(scopes(0), [ORG, key_budget(0)], 41, NOON)
    assert refused.value.left_nanos == 40


async def test_accounts_in_use_stay_however_many_they_are() -> None:
    ledger = QueuedLedger()
    money = MemoryReservations(ledger, most_accounts=10)
    held = [await money.reserve(scopes(n), [key_budget(n)], 7, NOON) for n in range(100)]
    assert all(money.standing(key_budget(n), NOON) == (0, 7) for n in range(100))
    for one in held:
        await money.settle(one, 0)
    for n in range(100, 200):
        await call(money, ledger, n, 1)
    assert money.accounts <= 10


async def test_what_is_used_all_the_time_is_asked_for_once() -> None:
    ledger = QueuedLedger()
    money = MemoryReservations(ledger, most_accounts=20)
    for n in range(1_000):
        await call(money, ledger, n, 1)
    assert ledger.opened == 1_001


async def test_a_period_that_is_over_goes_with_its_last_call() -> None:
    ledger = QueuedLedger()
    money = MemoryReservations(ledger)
    await call(money, ledger, 1, 5)
    late = await money.reserve(scopes(1), [key_budget(1)], 5, NOON)
    for day in range(1, 30):
        await call(money, ledger, 1, 5, NOON + day * DAY)
    assert money.accounts == 3
    assert money.standing(key_budget(1), NOON) == (5, 5)
    ledger.append(Row(scopes(1), NOON, 5))
    await money.settle(late, 5)
    assert money.standing(key_budget(1), NOON) is None
    assert money.standing(key_budget(1), NOON + 29 * DAY) == (5, 0)


async def test_an_interval_that_was_changed_goes_too() -> None:
    ledger = QueuedLedger()
    money = MemoryReservations(ledger)
    for interval in Interval:
        held = await money.reserve(scopes(1), [replace(key_budget(1), interval=interval)], 1, NOON)
        await money.settle(held, 0)
    assert money.accounts == 1


async def test_a_removed_budget_is_forgotten_when_nothing_is_held_in_it() -> None:
    ledger = QueuedLedger()
    money = MemoryReservations(ledger)
    await call(money, ledger, 1, 5)
    held = await money.reserve(scopes(1), [key_budget(1)], 95, NOON)
    money.forget(key_budget(1).id)
    money.forget(ORG.id)
    assert money.accounts == 1
    assert await money.extend(held, 1_000)  # it refuses nothing any more
    await money.settle(held, 0)
    assert (money.accounts, money.outstanding) == (0, 0)
    money.forget("budget_unknown")


async def test_a_budget_that_is_removed_while_it_is_opened_is_forgotten() -> None:
    ledger = QueuedLedger(is_slow=True)
    money = MemoryReservations(ledger)
    waiting = asyncio.create_task(money.reserve(scopes(1), [key_budget(1)], 1, NOON))
    await asyncio.sleep(0.01)
    money.forget(key_budget(1).id)
    waiting.cancel()
    await asyncio.sleep(0.01)
    ledger.work()
    await asyncio.sleep(0.01)
    assert (money.accounts, money.outstanding) == (0, 0)


async def test_a_failed_opening_that_nobody_waits_for_is_no_complaint(caplog: pytest.LogCaptureFixture) -> None:
    ledger = QueuedLedger(is_slow=True)
    ledger.is_away = True
    money = MemoryReservations(ledger)
    waiting = asyncio.create_task(money.reserve(scopes(1), [key_budget(1)], 1, NOON))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.sleep(0.01)
    ledger.work()
    await asyncio.sleep(0.01)
    assert money.accounts == 0
    assert not caplog.records


async def test_a_foreign_reservation_is_a_fault() -> None:
    class Foreign:
        amount_nanos = 1
        throttled: tuple[Budget, ...] = ()

    foreign: Reservation = Foreign()
    with pytest.raises(TypeError):
        await MemoryReservations(QueuedLedger()).settle(foreign, 1)
    assert (await MemoryReservations(QueuedLedger()).reserve(ALICE, (), 1, NOON)).amount_nanos == 1
