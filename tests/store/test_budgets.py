"""Budgets: by scope, in a gateway's snapshot, and with the key that a call brings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from keyhouse.domain.budgets import AtEnd, Budget, Interval
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.levels import Level
from keyhouse.store.contract import Page, ScopeFilter, Store
from tests.store.makers import ORG, OTHER_ORG, OTHER_PROJECT, PROJECT, make_budget, make_key

KEY = "key_000001"


def test_a_budget_comes_back_as_it_was_stored(store: Store) -> None:
    plain = make_budget(1)
    full = make_budget(
        2, amount_nanos=2**63 - 1, interval=Interval.TOTAL, at_end=AtEnd.THROTTLE, throttle_per_minute=3,
        increase_nanos=7, increase_until=2**40, name="für Bob",
    )  # fmt: skip
    add(store, plain, full)
    with store.read() as tx:
        assert tx.budgets.get(ORG, plain.id) == plain
        assert tx.budgets.get(ORG, full.id) == full
        assert tx.budgets.get(OTHER_ORG, plain.id) is None
        assert tx.budgets.by_name(ORG, PROJECT, "für Bob") == full
        assert tx.budgets.by_name(ORG, OTHER_PROJECT, "für Bob") is None
        assert tx.budgets.by_name(OTHER_ORG, PROJECT, "für Bob") is None


def test_budgets_of_one_name_are_read_at_once(store: Store) -> None:
    one, two = make_budget(1, name="monthly"), make_budget(2, scope_id=OTHER_PROJECT, name="monthly")
    add(store, one, two, make_budget(3, name="other"))
    with store.read() as tx:
        assert tx.budgets.named(ORG, [PROJECT, OTHER_PROJECT, "key_1"], "monthly") == {PROJECT: one, OTHER_PROJECT: two}
        assert tx.budgets.named(OTHER_ORG, [PROJECT], "monthly") == {}
        assert tx.budgets.named(ORG, [], "monthly") == {}


def test_a_name_is_unique_in_its_scope_only(store: Store) -> None:
    add(store, make_budget(1, name="monthly"), make_budget(2, scope_id=OTHER_PROJECT, name="monthly"))
    with pytest.raises(KeyhouseError) as caught:
        add(store, make_budget(3, name="monthly"))
    assert caught.value.code is ErrorCode.CONFLICT


def test_a_budget_is_changed_and_removed(store: Store) -> None:
    budget = make_budget(1)
    add(store, budget)
    changed = replace(budget, amount_nanos=0, at_end=AtEnd.ALERT, interval=Interval.DAY, name="daily")
    with store.write() as tx:
        tx.budgets.save(changed)
        assert tx.budgets.get(ORG, budget.id) == changed
        tx.budgets.remove(budget.id)
        assert tx.budgets.get(ORG, budget.id) is None
        with pytest.raises(KeyhouseError) as caught:
            tx.budgets.save(changed)
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_an_organization_that_is_not_there_has_no_budget(store: Store) -> None:
    with pytest.raises(KeyhouseError) as caught:
        add(store, make_budget(1, organization_id="org-nobody"))
    assert caught.value.code is ErrorCode.CONFLICT


def test_budgets_are_listed_by_level_and_scope_in_pages(store: Store) -> None:
    add(
        store,
        make_budget(1, Level.ORGANIZATION, ORG, created_at=1003),
        make_budget(2, created_at=1002),
        make_budget(3, created_at=1002),
        make_budget(4, Level.KEY, KEY, created_at=1001),
        make_budget(5, Level.ORGANIZATION, OTHER_ORG, organization_id=OTHER_ORG),
    )
    assert listed(store, ScopeFilter()) == [4, 2, 3, 1]
    assert listed(store, ScopeFilter(Level.PROJECT)) == [2, 3]
    assert listed(store, ScopeFilter(scope_id=KEY)) == [4]
    assert listed(store, ScopeFilter(Level.KEY, PROJECT)) == []
    with store.read() as tx:
        page = tx.budgets.list(ORG, ScopeFilter(), Page("budget_002", 1))
    assert ([budget.id for budget in page.items], page.has_more) == (["budget_003"], True)


def test_a_cursor_of_another_scope_is_refused(store: Store) -> None:
    add(store, make_budget(1), make_budget(2, scope_id=OTHER_PROJECT))
    with pytest.raises(KeyhouseError) as caught, store.read() as tx:
        tx.budgets.list(ORG, ScopeFilter(scope_id=PROJECT), Page("budget_002"))
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_VALUE, "after")


def test_a_snapshot_has_every_shared_budget_and_no_keys(store: Store) -> None:
    add(
        store,
        make_budget(1, created_at=1),
        make_budget(2, Level.ORGANIZATION, ORG, created_at=9),
        make_budget(3, Level.KEY, KEY),
        make_budget(4, Level.ORGANIZATION, OTHER_ORG, organization_id=OTHER_ORG, created_at=2),
        make_budget(5, Level.ORGANIZATION, ORG, created_at=8),
    )
    with store.read() as tx:
        assert [budget.id for budget in tx.budgets.shared()] == ["budget_005", "budget_002", "budget_004", "budget_001"]


def test_a_secrets_look_up_brings_its_keys_own_budgets(store: Store) -> None:
    with store.write() as tx:
        for number in (1, 2):
            tx.keys.add(make_key(number))
    own = [make_budget(2, Level.KEY, KEY, created_at=5), make_budget(1, Level.KEY, KEY, created_at=6)]
    add(store, *own, make_budget(3), make_budget(4, Level.ORGANIZATION, ORG))
    with store.read() as tx:
        with_own, without = (tx.keys.find_secret(f"pub00000000{n}") for n in (1, 2))
        assert tx.budgets.of_key(KEY) == tuple(own)
        assert tx.budgets.of_key("key_000002") == ()
    assert with_own is not None
    assert with_own.budgets == tuple(own)
    assert without is not None
    assert without.budgets == ()


def add(store: Store, *budgets: Budget) -> None:
    with store.write() as tx:
        for budget in budgets:
            tx.budgets.add(budget)


def listed(store: Store, where: ScopeFilter) -> list[int]:
    with store.read() as tx:
        return numbers(tx.budgets.list(ORG, where, Page(limit=100)).items)


def numbers(budgets: Iterable[Budget]) -> list[int]:
    return [int(budget.id.removeprefix("budget_")) for budget in budgets]
