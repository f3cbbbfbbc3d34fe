"""Hours and days say what the ledger's rows say, whenever they are folded, by how many, and whoever dies at it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keyhouse.domain.usage import Outcome, UsageRow
from keyhouse.ledger.rollup import MARGIN_SECONDS, catch_up
from keyhouse.store.contract import RollupFilter, RollupKey, RollupSums, Store, Transaction, Width
from tests.fixtures.fresh import fresh_store
from tests.ledger.rollup_rows import DAY, ORGANIZATION, T0, usage_row
from tests.store.rollup_model import empty, fold_step

HOUR = 3600
GROUPS = ("user_id", "key_id", "model", "outcome")
Answer = list[tuple[tuple[int | str, ...], tuple[int, ...]]]
Open = Callable[[], Store]

ROWS = st.builds(
    usage_row,
    at=st.one_of(st.integers(T0, T0 + 3 * DAY), st.integers(T0, T0 + 2 * HOUR)),
    user_id=st.sampled_from(["user-alice", "user-bob", None]),
    key_id=st.sampled_from(["key_a", "key_b"]),
    model=st.sampled_from(["m-small", None]),
    outcome=st.sampled_from([Outcome.COMPLETED, Outcome.ABORTED]),
    input_tokens=st.integers(0, 10**6),
    cost_nanos=st.one_of(st.none(), st.integers(0, 10**12)),
)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else None


@pytest.fixture
def store(url: str | None, tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path / "house", url)
    yield opened
    opened.close()


def of_rows(rows: Sequence[UsageRow], width: Width) -> Answer:
    """What a report must say, from the rows themselves."""
    found: dict[tuple[int | str, ...], list[tuple[int, ...]]] = defaultdict(list)
    for row in rows:
        bucket = row.admitted_at_us // 1_000_000 // width.value * width.value
        group = (bucket, row.user_id or "", row.key_id, row.model_answered or row.model_asked or "", row.outcome)
        unpriced = int(row.pricing == "unpriced")
        found[group].append((1, row.input_tokens, row.output_tokens, row.cost_input_nanos or 0, unpriced))
    return [(group, tuple(map(sum, zip(*found[group], strict=True)))) for group in sorted(found)]


def of_store(store: Store, width: Width) -> Answer:
    with store.read() as tx:
        return [(_group(key), _sums(sums)) for key, sums in tx.rollups.sum(width, _EVERYTHING, GROUPS)]


_EVERYTHING = RollupFilter(ORGANIZATION, 0, T0 * 2)


def _group(key: RollupKey) -> tuple[int | str, ...]:
    return (key.bucket, key.user_id, key.key_id, key.model, key.outcome)


def _sums(sums: RollupSums) -> tuple[int, ...]:
    return (sums.requests, sums.input_tokens, sums.output_tokens, sums.cost_input_nanos, sums.unpriced_requests)


def check(store: Store, rows: Sequence[UsageRow]) -> None:
    for width in Width:
        assert of_store(store, width) == of_rows(rows, width)


def folded_before(store: Store) -> int:
    with store.read() as tx:
        return tx.rollups.folded_before()


@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.one_of(ROWS, st.just(None), st.integers(T0, T0 + 4 * DAY)), max_size=60), st.integers(1, 20))
def test_rows_in_any_order_folded_at_any_time_count_where_they_belong(
    store: Store, steps: list[UsageRow | int | None], batch: int
) -> None:
    """A row is committed, None rolls up, a time folds what ends by it, as by another whose newest row is later."""
    empty(store)
    rows: list[UsageRow] = []
    for step in steps:
        if isinstance(step, UsageRow):
            store.ledger.append([step])
            rows.append(step)
        elif isinstance(step, int):
            fold_step(store, step)
        else:
            catch_up(store, batch)
            check(store, rows)
    catch_up(store, batch)
    check(store, rows)


def test_an_hour_is_folded_when_a_call_came_some_minutes_after_it(store: Store) -> None:
    def folded_after(at: int) -> int:
        rows.append(usage_row(at=at))
        store.ledger.append(rows[-1:])
        catch_up(store)
        check(store, rows)
        return folded_before(store)

    rows: list[UsageRow] = []
    over = T0 + HOUR + MARGIN_SECONDS
    times = (T0 + 5, over - 60, over, over + 60)
    assert [folded_after(at) for at in times] == [T0 - HOUR, T0, T0 + HOUR, T0 + HOUR]
    assert folded_after(T0 + 10) == T0 + HOUR
    assert folded_after(T0 + DAY + HOUR) == T0 + DAY


class CutError(Exception):
    """The process died here."""


class CutStore:
    """A store of which one writing transaction is cut just before its commit."""

    def __init__(self, store: Store, cut: int) -> None:
        self._store = store
        self.ledger = store.ledger
        self.read = store.read
        self.left = cut

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._store.write() as tx:
            yield tx
            self.left -= 1
            if self.left == 0:
                raise CutError


def test_whichever_step_a_crash_cuts_nothing_is_lost_or_counted_twice(store: Store) -> None:
    times = [*range(T0, T0 + DAY + 2 * HOUR, 2700), T0 + 60]
    for cut in range(1, 60):
        empty(store)
        rows = [usage_row(at=at) for at in times]
        store.ledger.append(rows)
        crashing = CutStore(store, cut)
        with suppress(CutError):
            catch_up(crashing)  # type: ignore[arg-type]  # all of the contract that catching up uses
        done = crashing.left > 0
        catch_up(store)
        check(store, rows)
        rows.append(usage_row(at=T0 + DAY + 3 * HOUR + MARGIN_SECONDS))
        store.ledger.append(rows[-1:])
        catch_up(store)
        assert folded_before(store) == T0 + DAY + 3 * HOUR
        check(store, rows)
        if done:
            break
    # One transaction for the rows, one for each hour that has calls and each day, and those that find nothing left.
    assert 20 < cut < 59


ROLL_UP = """
import sys
from pathlib import Path
from keyhouse.ledger.rollup import catch_up
from keyhouse.store.opening import open_store
store = open_store(Path(sys.argv[1]), sys.argv[2] or None)
while True:
    catch_up(store, 5, 10)
"""


def test_processes_that_roll_up_at_once_and_are_killed_count_each_row_once(
    store: Store, url: str | None, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", ROLL_UP, str(tmp_path / "house"), url or ""]
    rows: list[UsageRow] = []
    running = [subprocess.Popen(command) for _ in range(3)]
    try:
        for turn in range(40):
            some = [usage_row(at=T0 + turn * 1500 + random.randrange(-4000, 2000)) for _ in range(20)]  # noqa: S311
            store.ledger.append(some)
            rows += some
            if turn % 8 == 7:
                wait_for(store, len(rows) // 2)
                running[0].kill()
                running[0].wait()
                running = [*running[1:], subprocess.Popen(command)]
        wait_for(store, len(rows))
        assert all(process.poll() is None for process in running)
    finally:
        for process in running:
            process.kill()
            process.wait()
    catch_up(store)
    check(store, rows)
    assert folded_before(store) >= T0 + 14 * HOUR


def wait_for(store: Store, requests: int) -> None:
    """Until others have rolled up so many."""
    end = time.monotonic() + 60
    while sum(sums[0] for _, sums in of_store(store, Width.DAY)) < requests:
        assert time.monotonic() < end, "nobody rolled them up"
        time.sleep(0.01)
