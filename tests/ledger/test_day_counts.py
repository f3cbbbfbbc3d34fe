"""What limits of a day have counted is what the ledger holds: each row once, whoever rolls up, crashes or is killed."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from keyhouse.domain.keys import Key, KeyKind
from keyhouse.domain.levels import Level
from keyhouse.domain.limits import LimitKind, LimitName, RateLimitRule, RateLimits, rule_id
from keyhouse.domain.people import Member, OrganizationRole, Person
from keyhouse.domain.projects import Organization, Project
from keyhouse.domain.usage import UsageRow
from keyhouse.ledger.rollup import catch_up
from keyhouse.store.contract import DayCell, LedgerRow, Store, Transaction
from tests.fixtures.fresh import fresh_store
from tests.ledger.rollup_rows import ORGANIZATION, T0, usage_row

DAILY = LimitKind.REQUESTS_PER_DAY
PROJECTS = ("proj_default", "proj_b")
OF_KEY = LimitName(Level.KEY, "key_a", "", DAILY)
OF_PROJECT = LimitName(Level.PROJECT, "proj_default", "m-asked", DAILY)
OF_ORGANIZATION = LimitName(Level.ORGANIZATION, ORGANIZATION, "m-asked", DAILY)
WATCHED = {OF_KEY, OF_PROJECT, OF_ORGANIZATION}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else None


@pytest.fixture
def store(url: str | None, tmp_path: Path) -> Iterator[Store]:
    """A house with two keys, of which one has a limit of a day."""
    opened = fresh_store(tmp_path / "house", url)
    alice = Person("user-alice", "alice@example.com", "Alice", T0)
    with opened.write() as tx:
        tx.organizations.add(Organization(ORGANIZATION, "House", T0))
        tx.people.add(alice, Member(ORGANIZATION, alice.id, OrganizationRole.OWNER, T0))
        for project_id in PROJECTS:
            tx.projects.add(Project(project_id, ORGANIZATION, project_id, T0))
        for key_id, limits in (("key_a", RateLimits(max_requests_per_1_day=9)), ("key_b", None)):
            key = Key(key_id, KeyKind.USER, ORGANIZATION, "proj_default", alice.id, None, key_id, T0)
            tx.keys.add(replace(key, rate_limits=limits))
    yield opened
    opened.close()


def limit_model(store: Store, project_id: str | None, model: str = "m-asked") -> None:
    rule = RateLimitRule(
        rule_id(project_id or ORGANIZATION, model),
        ORGANIZATION,
        project_id,
        model,
        T0,
        RateLimits(max_requests_per_1_day=9),
    )
    with store.write() as tx:
        tx.rate_limits.put(rule)


def limit_models(store: Store) -> None:
    limit_model(store, "proj_default")
    limit_model(store, None)


def some_row(at: int = T0) -> UsageRow:
    dice = random.Random(at)  # noqa: S311
    return usage_row(
        at=at,
        key_id=dice.choice(("key_a", "key_b")),
        project_id=dice.choice(PROJECTS),
        model="m-answered",
        model_asked=dice.choice(("m-asked", "m-asked", "m-other")),
    )


def counted(store: Store) -> Counter[DayCell]:
    with store.read() as tx:
        return Counter(dict(tx.day_counts.since(0)))


def expected(rows: Sequence[UsageRow], watched: set[LimitName]) -> Counter[DayCell]:
    found: Counter[DayCell] = Counter()
    for row in rows:
        asked = row.model_asked or ""
        names = {
            LimitName(Level.ORGANIZATION, row.organization_id, asked, DAILY),
            LimitName(Level.PROJECT, row.project_id, asked, DAILY),
            LimitName(Level.KEY, row.key_id, "", DAILY),
        }
        minute = row.admitted_at_us // 60_000_000 * 60
        found.update(DayCell(name, minute) for name in names & watched)
    return found


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_each_row_counts_once_in_the_minute_of_its_admission(store: Store, batch: int) -> None:
    limit_models(store)
    rows = [some_row(T0 + n * 37) for n in range(100)]
    for start in (0, 40):
        store.ledger.append(rows[start : start + 60])
        catch_up(store, batch, most_sums=20)
    assert len({cell.name for cell in counted(store)}) == 3
    assert counted(store) == expected(rows, WATCHED)


def test_what_has_no_limit_of_a_day_is_not_counted(store: Store) -> None:
    store.ledger.append([usage_row(at=T0 + n, key_id="key_b", model_asked="m-asked") for n in range(5)])
    catch_up(store)
    assert not counted(store)


def test_a_call_without_a_model_counts_for_its_key(store: Store) -> None:
    limit_models(store)
    store.ledger.append([usage_row(key_id="key_a", model=None)])
    catch_up(store)
    assert counted(store) == {DayCell(OF_KEY, T0): 1}


class Busy:
    """A store in which somebody sets limits and calls while it is read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.ledger = self
        self.read, self.write = store.read, store.write
        self.rows: list[UsageRow] = []

    def since(self, seq: int, limit: int = 10_000) -> Sequence[LedgerRow]:
        if not self.rows:
            limit_models(self._store)
            self.rows = [some_row(T0 + n) for n in range(30)]
            self._store.ledger.append(self.rows)
        return self._store.ledger.since(seq, limit)


def test_the_first_calls_under_a_new_limit_count(store: Store) -> None:
    busy = Busy(store)
    catch_up(busy)  # type: ignore[arg-type]  # all of the contract that catching up uses
    assert counted(store) == expected(busy.rows, WATCHED)


def test_several_at_once_count_each_row_once(store: Store) -> None:
    limit_models(store)
    rows = [some_row(T0 + n * 11) for n in range(300)]
    store.ledger.append(rows)
    threads = [threading.Thread(target=catch_up, args=(store, 7, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted(store) == expected(rows, WATCHED)


class CutError(Exception):
    """The process died here."""


class CutStore:
    """A store of which one writing transaction is cut just before its commit."""

    def __init__(self, store: Store, cut: int) -> None:
        self._store = store
        self.ledger, self.read = store.ledger, store.read
        self.left = cut

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._store.write() as tx:
            yield tx
            self.left -= 1
            if self.left == 0:
                raise CutError


def test_a_crash_between_rows_and_their_roll_up_loses_and_doubles_nothing(store: Store) -> None:
    limit_models(store)
    rows: list[UsageRow] = []
    for cut in range(1, 8):
        some = [some_row(T0 + cut * 600 + n * 11) for n in range(40)]
        store.ledger.append(some)
        rows += some
        with suppress(CutError):
            catch_up(CutStore(store, cut), 5, 5)  # type: ignore[arg-type]  # all of the contract that catching up uses
    catch_up(store)
    assert counted(store) == expected(rows, WATCHED)


ROLL_UP = """
import sys
from dataclasses import replace
from pathlib import Path
from keyhouse.ledger.rollup import catch_up
from keyhouse.store.opening import open_store
store = open_store(Path(sys.argv[1]), sys.argv[2] or None)
while True:
    catch_up(store, 5, 10)
"""


def test_processes_that_are_killed_while_they_roll_up_count_each_row_once(
    store: Store, url: str | None, tmp_path: Path
) -> None:
    limit_models(store)
    command = [sys.executable, "-c", ROLL_UP, str(tmp_path / "house"), url or ""]
    rows: list[UsageRow] = []
    running = [subprocess.Popen(command) for _ in range(2)]
    try:
        for turn in range(24):
            some = [some_row(T0 + turn * 1500 + n * 41) for n in range(20)]
            store.ledger.append(some)
            rows += some
            if turn % 8 == 7:
                wait_for(store, len(rows) // 2)
                running[0].kill()
                running[0].wait()
                running = [running[1], subprocess.Popen(command)]
        wait_for(store, len(rows))
    finally:
        for process in running:
            process.kill()
            process.wait()
    catch_up(store)
    assert counted(store) == expected(rows, WATCHED)


def wait_for(store: Store, rows: int) -> None:
    """Until others have rolled up so many."""
    end = time.monotonic() + 60
    while True:
        with store.read() as tx:
            done = len(store.ledger.since(0)) - len(store.ledger.since(tx.rollups.mark()))
        if done >= rows:
            return
        assert time.monotonic() < end, "nobody rolled them up"
        time.sleep(0.02)
