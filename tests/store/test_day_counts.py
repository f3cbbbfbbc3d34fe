"""What limits of a day have counted, on both databases."""

from __future__ import annotations

from dataclasses import replace

from keyhouse.domain.levels import Level
from keyhouse.domain.limits import LimitKind, LimitName, RateLimitRule, RateLimits, rule_id
from keyhouse.store.contract import DayCell, Store
from tests.store.makers import ORG, OTHER_PROJECT, PROJECT, make_key

DAILY = LimitKind.REQUESTS_PER_DAY
NOON = 1_700_049_600
HOUR = 3600


def of_project(model: str = "gpt-4o", kind: LimitKind = DAILY) -> LimitName:
    return LimitName(Level.PROJECT, PROJECT, model, kind)


def add(store: Store, amounts: dict[DayCell, int]) -> None:
    with store.write() as tx:
        tx.day_counts.add(amounts)


def since(store: Store, minute: int) -> dict[DayCell, int]:
    with store.read() as tx:
        found = tx.day_counts.since(minute)
    assert len(dict(found)) == len(found)
    return dict(found)


def put_rule(store: Store, model: str, project_id: str | None, **limits: int) -> None:
    with store.write() as tx:
        rule = RateLimitRule(rule_id(project_id or ORG, model), ORG, project_id, model, 1, RateLimits(**limits))
        tx.rate_limits.put(rule)


def test_amounts_add_up_by_name_and_minute(store: Store) -> None:
    a, b = of_project(), LimitName(Level.KEY, "key_a", "", DAILY)
    c, d = of_project("größe/模型"), of_project(kind=LimitKind.BATCH_INPUT_TOKENS_PER_DAY)
    first = {DayCell(a, NOON): 2, DayCell(b, NOON): 3, DayCell(c, NOON + 60): 2**40, DayCell(d, NOON): 5}
    add(store, first)
    assert since(store, 0) == first
    add(store, {DayCell(a, NOON): 5, DayCell(a, NOON - 60): 1})
    assert since(store, 0) == first | {DayCell(a, NOON): 7, DayCell(a, NOON - 60): 1}
    assert since(store, NOON + 1) == {DayCell(c, NOON + 60): 2**40}


def test_nothing_to_add_changes_nothing(store: Store) -> None:
    add(store, {DayCell(of_project(), NOON): 2})
    add(store, {})
    assert since(store, 0) == {DayCell(of_project(), NOON): 2}


def test_what_no_window_reaches_any_more_is_forgotten(store: Store) -> None:
    add(store, {DayCell(of_project(), NOON): 2, DayCell(of_project(), NOON + 5 * HOUR): 1})
    add(store, {DayCell(of_project(), NOON + 25 * HOUR): 1})
    assert len(since(store, 0)) == 3
    add(store, {DayCell(of_project(), NOON + 28 * HOUR): 1})
    assert [cell.minute for cell in since(store, 0)] == [NOON + hours * HOUR for hours in (5, 25, 28)]


def test_thousands_of_cells_are_added_in_one_go(store: Store) -> None:
    cells = {DayCell(LimitName(Level.KEY, f"key_{n}", "", DAILY), NOON): n + 1 for n in range(5000)}
    add(store, cells)
    assert since(store, NOON) == cells


def test_a_transaction_that_fails_counts_nothing(store: Store) -> None:
    try:
        with store.write() as tx:
            tx.day_counts.add({DayCell(of_project(), NOON): 2})
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert since(store, 0) == {}


def test_limits_of_a_day_of_models_are_watched(store: Store) -> None:
    put_rule(store, "gpt-4o", PROJECT, max_requests_per_1_day=100)
    put_rule(store, "gpt-4o", None, max_requests_per_1_day=0, max_requests_per_1_minute=3)
    put_rule(store, "gpt-4o-mini", OTHER_PROJECT, max_requests_per_1_minute=5, batch_1_day_max_input_tokens=9)
    put_rule(store, "max_requests_per_1_day", PROJECT, max_tokens_per_1_minute=5)
    with store.read() as tx:
        assert tx.day_counts.watched() == {of_project(), LimitName(Level.ORGANIZATION, ORG, "gpt-4o", DAILY)}


def test_keys_with_a_limit_of_a_day_are_watched(store: Store) -> None:
    bare = make_key(1)
    daily = replace(make_key(2), rate_limits=RateLimits(max_requests_per_1_day=7))
    other = replace(make_key(3), rate_limits=RateLimits(max_requests_per_1_minute=7))
    with store.write() as tx:
        for key in (bare, daily, other):
            tx.keys.add(key)
    with store.read() as tx:
        name = LimitName(Level.KEY, daily.id, "", DAILY)
        assert tx.day_counts.watched_keys([bare.id, daily.id, other.id, "key_gone"]) == {name}
        assert tx.day_counts.watched_keys([f"key_{n}" for n in range(3000)] + [daily.id]) == {name}
        assert tx.day_counts.watched_keys([bare.id]) == frozenset()
        assert tx.day_counts.watched_keys([]) == frozenset()
