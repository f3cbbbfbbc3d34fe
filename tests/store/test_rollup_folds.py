"""Folding minutes into hours and hours into days changes no answer, whatever comes late and whoever folds."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from keyhouse.store import rollup_folds
from keyhouse.store.contract import RollupFilter, Store, Width
from keyhouse.store.sqlite import CONTROL_FILE, open_sqlite
from tests.store.makers import ORG, OTHER_ORG, rollup_key, rollup_sums
from tests.store.rollup_model import Minute, added_up, empty, fold_step, folds, told

HOUR, DAY = 3600, 86_400
ALL = RollupFilter(ORG, 0, 1 << 36)

MINUTES = st.tuples(
    st.builds(
        rollup_key,
        st.integers(0, 3 * DAY // 60).map(lambda minute: minute * 60),
        key_id=st.sampled_from(["key_a", "key_b"]),
        model=st.sampled_from(["b", "B", "é"]),
    ),
    st.builds(rollup_sums, st.integers(1, 9), st.integers(0, 10**12)),
)
STEPS = st.lists(st.one_of(st.lists(MINUTES, max_size=8), st.integers(0, 4 * DAY)), max_size=12)


def apply(store: Store, *minutes: Minute) -> None:
    with store.write() as tx:
        tx.rollups.apply(tx.rollups.mark() + 1, dict(minutes))


def spread(seconds: int, step: int, **changes: Any) -> list[Minute]:
    return [(rollup_key(bucket, **changes), rollup_sums(n + 1)) for n, bucket in enumerate(range(0, seconds, step))]


@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(STEPS, st.sampled_from([1, 3, 50_000]))
def test_any_order_of_minutes_and_folds_says_what_the_minutes_say(
    store: Store, steps: list[list[Minute] | int], bound: int
) -> None:
    empty(store)
    known: list[Minute] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollup_folds, "_ROWS_A_FOLD", bound)
        for step in steps:
            if isinstance(step, int):
                fold_step(store, step)
            else:
                minutes = dict(step)
                apply(store, *minutes.items())
                known += minutes.items()
            assert told(store) == added_up(known)
        folds(store, 4 * DAY)
    assert told(store) == added_up(known)


def test_a_fold_writes_the_hours_and_days_that_are_over_and_no_other(store: Store) -> None:
    apply(store, *spread(DAY + 2 * HOUR, 600))
    before = told(store)
    folds(store, DAY + HOUR + 1800)
    assert told(store) == before
    with store.read() as tx:
        assert tx.rollups.folded_before() == DAY + HOUR
    assert written(store) == {Width.MINUTE: 26 * 6, Width.HOUR: 25, Width.DAY: 1}


def written(store: Store) -> dict[Width, int]:
    """How many rows each width has, below the store."""
    with store.read() as tx:
        connection = tx.rollups._connection  # type: ignore[attr-defined]  # both backends' rollups have one
        rows = connection.exec_driver_sql("SELECT width, COUNT(*) FROM rollups GROUP BY width")
        return {Width(width): count for width, count in rows}


def test_a_minute_that_comes_late_counts_in_every_width(store: Store) -> None:
    minutes = spread(2 * DAY + 2 * HOUR, 1200)
    apply(store, *minutes)
    folds(store, 2 * DAY + HOUR)
    late = [(rollup_key(bucket, model="late"), rollup_sums(7)) for bucket in (0, 60, DAY, 2 * DAY, 2 * DAY + HOUR)]
    apply(store, *late)
    assert told(store) == added_up([*minutes, *late])
    folds(store, 3 * DAY)
    assert told(store) == added_up([*minutes, *late])


def test_an_organization_is_folded_with_the_others_and_apart_from_them(store: Store) -> None:
    minutes = {name: spread(DAY + HOUR, 900, organization_id=name) for name in (ORG, OTHER_ORG, "org-\u00e9")}
    apply(store, *itertools.chain.from_iterable(minutes.values()))
    folds(store, DAY + HOUR)
    assert [told(store, name) for name in minutes] == [added_up(of) for of in minutes.values()]


@pytest.mark.parametrize("width", Width)
def test_ranges_and_filters_mean_the_same_on_both_sides_of_a_mark(store: Store, width: Width) -> None:
    minutes = [*spread(2 * DAY, 1800), *spread(2 * DAY, 2400, model="other", key_id="key_b")]
    apply(store, *minutes)
    asked = [
        (ALL._replace(start=start, end=end, models=models), group_by)
        for start, end in itertools.combinations((0, 1, HOUR, DAY - 60, DAY, DAY + HOUR + 1, 2 * DAY), 2)
        for models in (None, ("other",), ())
        for group_by in ((), ("model", "bucket"), ("key_id", "model"))
    ]
    answers = [sums(store, width, *question) for question in asked]
    for until in (HOUR, DAY, DAY + 2 * HOUR, 2 * DAY):
        folds(store, until)
        assert [sums(store, width, *question) for question in asked] == answers


def sums(store: Store, width: Width, where: RollupFilter, group_by: tuple[str, ...]) -> list[Minute]:
    with store.read() as tx:
        return list(tx.rollups.sum(width, where, group_by))


def test_a_fold_that_is_cut_leaves_all_as_it_was(store: Store) -> None:
    minutes = spread(DAY + HOUR, 600)
    apply(store, *minutes)
    while True:
        with suppress(ZeroDivisionError), store.write() as tx:
            assert tx.rollups.fold(DAY + HOUR) in {True, False}
            raise ZeroDivisionError
        assert told(store) == added_up(minutes)
        if not fold_step(store, DAY + HOUR):
            break
    assert told(store) == added_up(minutes)


def test_several_that_fold_at_once_fold_nothing_twice(opener: Callable[[], Store]) -> None:
    stores = [opener() for _ in range(3)]
    minutes = spread(2 * DAY, 900)
    apply(stores[0], *minutes)
    threads = [threading.Thread(target=folds, args=(store, 2 * DAY)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told(stores[0]) == added_up(minutes)
    assert written(stores[0])[Width.DAY] == 2


def test_a_step_folds_so_many_rows_and_goes_on_in_the_middle_of_an_hour(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup_folds, "_ROWS_A_FOLD", 25)
    minutes = [minute for n in range(10) for minute in spread(HOUR, 600, key_id=f"key_{n}")]
    apply(store, *minutes)
    marks = []
    while fold_step(store, HOUR):
        with store.read() as tx:
            marks.append(tx.rollups.folded_before())
        assert told(store) == added_up(minutes)
    assert marks == [1200, 2400, HOUR]


def test_a_clock_that_ran_ahead_takes_few_steps_and_changes_no_sum(store: Store) -> None:
    far = 4_000_000_000 // DAY * DAY
    minutes = [*spread(2 * HOUR, 600), (rollup_key(far), rollup_sums())]
    apply(store, *minutes)
    assert folds(store, far) < 10
    later = spread(4 * HOUR, 900, model="after the clock was set right")
    apply(store, *later)
    assert told(store) == added_up([*minutes, *later])


def test_what_is_folded_is_found_by_the_index(tmp_path: Path) -> None:
    """Minutes are kept for ever; a fold reads those of its hour, an answer those that are not folded yet."""
    store = open_sqlite(tmp_path)
    apply(store, *spread(DAY + HOUR, 600))
    statements: list[tuple[str, Any]] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if "rollups" in statement:
            statements.append((statement, parameters))

    try:
        folds(store, DAY)
        told(store)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        store.close()
    with closing(sqlite3.connect(tmp_path / CONTROL_FILE)) as connection:
        plan = [row[3] for sql, given in statements for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", given)]
    searches = [step for step in plan if "rollups" in step]
    assert len(searches) > 10
    assert all(step.startswith("SEARCH rollups USING PRIMARY KEY (width=?") for step in searches)
