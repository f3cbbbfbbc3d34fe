"""Balances as they are opened: what is spent so far, from roll-ups and the rows after them, exactly."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from keyhouse.domain.budgets import FOREVER, AtEnd, Budget, Interval, Period
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.levels import Level
from keyhouse.domain.usage import UsageRow
from keyhouse.ledger.balances import LedgerBalances, open_balance
from keyhouse.ledger.journal import Journal
from keyhouse.ledger.rollup import catch_up
from keyhouse.policy.reservations import Balances
from keyhouse.store.contract import LedgerUnavailable, Store
from tests.fixtures.fresh import fresh_store
from tests.ledger.rollup_rows import DAY, ORGANIZATION, T0, usage_row


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with closing(fresh_store(tmp_path / "house", url)) as store:
        yield store


def budget(level: Level, scope_id: str, interval: Interval = Interval.DAY, id_: str = "") -> Budget:
    return Budget(
        id_ or f"budget_{scope_id}_{interval.value}",
        ORGANIZATION,
        level,
        scope_id,
        "A budget",
        10**9,
        interval,
        AtEnd.REFUSE,
        T0,
    )


def opened(store: Store, asked: Budget, at: int = T0) -> int:
    return open_balance(store, asked, asked.period(at))


def cost(rows: list[UsageRow], asked: Budget, period: Period) -> int:
    return sum(
        row.cost_nanos or 0
        for row in rows
        if asked.scope_id in {row.organization_id, row.project_id, row.key_id}
        and period.start <= row.admitted_at_us // 1_000_000 < period.end
    )


def test_a_new_budget_knows_what_was_spent_before_it_was_made(store: Store) -> None:
    costs = (1000, 200, 30)
    store.ledger.append([usage_row(costs=costs), usage_row(key_id="key_b", costs=costs), usage_row(cost_nanos=None)])
    catch_up(store)
    store.ledger.append(
        [
            usage_row(costs=(5, 0, 0)),
            usage_row(project_id="proj_b", costs=(7, 0, 0)),
            usage_row(at=T0 + DAY, costs=(9, 0, 0)),
        ]
    )
    assert opened(store, budget(Level.KEY, "key_a")) == 1230 + 5 + 7
    assert opened(store, budget(Level.PROJECT, "proj_default")) == 2460 + 5
    assert opened(store, budget(Level.ORGANIZATION, ORGANIZATION)) == 2460 + 5 + 7
    assert opened(store, budget(Level.ORGANIZATION, ORGANIZATION, Interval.TOTAL)) == 2460 + 5 + 7 + 9
    assert opened(store, budget(Level.KEY, "key_b"), T0 + DAY) == 0
    assert opened(store, budget(Level.KEY, "key_unused")) == 0


def test_every_budget_is_exact_wherever_the_rollups_stand(store: Store) -> None:
    """Rows of many days at random, rolled up and folded at random, while balances of every level and interval are opened."""
    rng = random.Random(16)  # noqa: S311
    scopes = [(Level.ORGANIZATION, ORGANIZATION), *((Level.PROJECT, f"proj_{n}") for n in range(2))]
    scopes += [(Level.KEY, f"key_{n}") for n in range(4)]
    asked = [
        (budget(level, scope, interval), T0 + rng.randrange(40) * DAY)
        for level, scope in scopes
        for interval in Interval
    ]
    rng.shuffle(asked)
    rows: list[UsageRow] = []
    while asked:
        some = [_random_row(rng) for _ in range(rng.randrange(1, 30))]
        store.ledger.append(some + rng.sample(rows, min(len(rows), 3)))
        rows += some
        if rng.random() < 0.3:
            catch_up(store)
        if rng.random() < 0.6:
            made, at = asked.pop()
            assert opened(store, made, at) == cost(rows, made, made.period(at))
    kept = store.ledger.balances()
    assert len(kept) == len(scopes) * len(Interval)
    for balance in kept:
        made = budget(Level.KEY, balance.scope_id)
        assert balance.spent_nanos == cost(rows, made, Period(balance.period_start, balance.period_end))
    assert max(balance.period_end for balance in kept) == FOREVER


def test_an_opened_balance_is_read_and_not_computed_again(store: Store) -> None:
    made = budget(Level.KEY, "key_a")
    store.ledger.append([usage_row(costs=(5, 0, 0))])
    assert [opened(store, made), opened(store, made)] == [5, 5]
    store.ledger.append([usage_row(costs=(6, 0, 0))])
    assert opened(store, made) == 11


async def test_an_opening_counts_every_row_before_it_and_none_after_it(store: Store) -> None:
    journal = Journal(store.ledger, asyncio.get_running_loop(), max_batch=7)
    balances: Balances = LedgerBalances(journal, store)
    made = budget(Level.KEY, "key_a")
    waiting, found = [], []
    for n in range(60):
        waiting.append(journal.append(usage_row(cost_nanos=1)))
        if n % 5 == 0:
            found.append((n + 1, balances.open(made, made.period(T0))))
            other = budget(Level.KEY, "key_a", id_=f"budget_{n}")
            found.append((n + 1, balances.open(other, other.period(T0))))
    await asyncio.gather(*waiting)
    assert [await future for _, future in found] == [count for count, _ in found]
    await journal.close()
    assert {balance.spent_nanos for balance in store.ledger.balances()} == {60}


def test_without_its_database_an_opening_says_that_the_ledger_is_unavailable(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise KeyhouseError(ErrorCode.STORE_UNAVAILABLE, "The database cannot be used right now: it is away.")

    monkeypatch.setattr(store, "read", away)
    with pytest.raises(LedgerUnavailable, match="it is away"):
        opened(store, budget(Level.KEY, "key_a"))
    assert store.ledger.balances() == []


def _random_row(rng: random.Random) -> UsageRow:
    priced = rng.random() < 0.9
    costs = (rng.randrange(1000), rng.randrange(100), rng.randrange(1000))
    return usage_row(
        at_us=(T0 + rng.randrange(-40 * DAY, 80 * DAY)) * 1_000_000 + rng.choice((0, 1, 999_999)),
        project_id=f"proj_{rng.randrange(2)}",
        key_id=f"key_{rng.randrange(4)}",
        cost_nanos=0 if priced else None,
        costs=costs if priced else None,
    )
