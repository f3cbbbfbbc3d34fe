from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from keyhouse.domain.usage import RefusedCall
from keyhouse.ledger.refusals import RefusalLog
from keyhouse.store.contract import Store
from keyhouse.store.sqlite import CONTROL_FILE, open_sqlite

NEVER = 3600.0


def size_on_disk(path: Path) -> int:
    """Bytes of the file once everything in its write-ahead log has been moved into it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_sqlite(tmp_path)
    yield store
    store.close()


@pytest.fixture
def start_log(store: Store) -> Iterator[Callable[..., RefusalLog]]:
    logs: list[RefusalLog] = []

    def start(**options: float) -> RefusalLog:
        logs.append(RefusalLog(store, **options))  # type: ignore[arg-type]  # ints and seconds by name
        return logs[-1]

    yield start
    for log in logs:
        log.close()


def refused(n: int, organization_id: str = "org-1") -> RefusedCall:
    return RefusedCall(
        request_id=f"req_{n:06}",
        at_us=1_700_000_000_000_000 + n,
        organization_id=organization_id,
        project_id="proj_1",
        key_id="key_1",
        operation="chat.completions",
        model="gpt-4o",
        status=403,
        code="model_not_allowed",
        message="This key may not use 'gpt-4o'.",
    )


def newest(store: Store, organization_id: str = "org-1") -> list[str]:
    with store.read() as transaction:
        return [entry.request_id for entry in transaction.refusals.newest(organization_id, limit=10_000)]


def test_noted_refusals_are_in_the_store_after_a_flush(store: Store, start_log: Callable[..., RefusalLog]) -> None:
    log = start_log(interval_seconds=NEVER)
    log.note(refused(1))
    log.note(refused(2))
    assert newest(store) == []
    log.flush()
    with store.read() as transaction:
        assert list(transaction.refusals.newest("org-1")) == [refused(2), refused(1)]


def test_the_log_flushes_itself(store: Store, start_log: Callable[..., RefusalLog]) -> None:
    log = start_log(interval_seconds=0.01)
    log.note(refused(1))
    tick = threading.Event()
    for _ in range(500):
        if newest(store):
            break
        tick.wait(0.01)
    assert newest(store) == ["req_000001"]


def test_a_flood_writes_no_more_than_its_share_a_flush_and_counts_the_rest(
    store: Store, start_log: Callable[..., RefusalLog]
) -> None:
    log = start_log(per_flush=100, interval_seconds=NEVER)
    for n in range(50_000):
        log.note(refused(n))
    log.flush()
    assert len(newest(store)) == 100
    assert (log.noted, log.written, log.dropped) == (50_000, 100, 49_900)


def test_a_long_flood_stays_bounded_on_disk(store: Store, start_log: Callable[..., RefusalLog], tmp_path: Path) -> None:
    log = start_log(keep=200, per_flush=100, interval_seconds=NEVER)
    sizes = []
    for flush in range(30):
        for n in range(100):
            log.note(refused(flush * 100 + n))
        log.flush()
        sizes.append(size_on_disk(tmp_path / CONTROL_FILE))
    assert newest(store) == [f"req_{n:06}" for n in range(2999, 2799, -1)]
    assert sizes[2] > sizes[0]
    assert sizes[-1] == sizes[len(sizes) // 2]


def test_a_flood_of_one_organization_leaves_the_log_of_another(
    store: Store, start_log: Callable[..., RefusalLog]
) -> None:
    log = start_log(keep=10, interval_seconds=NEVER)
    log.note(refused(0, "org-2"))
    for n in range(1, 60):
        log.note(refused(n))
    log.flush()
    assert newest(store, "org-2") == ["req_000000"]
    assert len(newest(store)) == 10


def test_close_writes_what_waits(store: Store) -> None:
    log = RefusalLog(store, interval_seconds=NEVER)
    log.note(refused(1))
    log.close()
    assert newest(store) == ["req_000001"]


def test_refusals_that_cannot_be_written_are_counted_and_the_log_goes_on(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path)
    log = RefusalLog(store, interval_seconds=NEVER)
    store.close()
    (tmp_path / CONTROL_FILE).rename(tmp_path / "away")
    log.note(refused(1))
    with pytest.raises(Exception, match="cannot be used"):
        log.flush()
    assert (log.noted, log.written, log.dropped) == (1, 0, 1)
    (tmp_path / "away").rename(tmp_path / CONTROL_FILE)
    log.note(refused(2))
    log.close()
    assert newest(store) == ["req_000002"]
    assert (log.noted, log.written, log.dropped) == (2, 1, 1)
    store.close()
