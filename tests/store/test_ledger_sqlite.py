"""The embedded ledger when its disk fails: nothing is half written, and it works again by itself."""

from __future__ import annotations

import resource
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from keyhouse.store import ledger_sqlite
from keyhouse.store.contract import LedgerUnavailable
from keyhouse.store.sqlite import LEDGER_FILE, SqliteStore, open_sqlite
from tests.store.makers import make_row


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_sqlite(tmp_path)
    yield store
    store.close()


def test_a_full_disk_is_unavailability_and_leaves_all_or_nothing(house: SqliteStore) -> None:
    house.ledger.append([make_row("req_0")])
    with _files_limited_to(200_000), pytest.raises(LedgerUnavailable, match=r"(disk|database)"):
        house.ledger.append([make_row(f"req_lost_{n}") for n in range(5000)])
    assert [found.row.request_id for found in house.ledger.since(0)] == ["req_0"]
    house.ledger.append([make_row("req_1")])
    assert [found.row.request_id for found in house.ledger.since(0)] == ["req_0", "req_1"]


def test_the_first_rows_that_do_not_fit_are_refused_and_all_acknowledged_ones_stay(house: SqliteStore) -> None:
    acknowledged: list[str] = []

    def fill() -> None:
        for n in range(10_000):
            house.ledger.append([make_row(f"req_{n}")])
            acknowledged.append(f"req_{n}")

    with _files_limited_to(400_000), pytest.raises(LedgerUnavailable):
        fill()
    assert acknowledged
    assert [found.row.request_id for found in house.ledger.since(0)] == acknowledged


def test_a_ledger_that_is_locked_is_unavailable_until_it_is_let_go(
    house: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_sqlite, "BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(tmp_path / LEDGER_FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match="locked"):
            house.ledger.append([make_row("req_0")])
        other.execute("ROLLBACK")
    house.ledger.append([make_row("req_0")])
    assert house.ledger.contains(["req_0"]) == {"req_0"}


def test_a_ledger_whose_file_is_gone_is_unavailable_and_not_made_anew(house: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / LEDGER_FILE).rename(tmp_path / "elsewhere")
    with pytest.raises(LedgerUnavailable):
        house.ledger.append([make_row("req_0")])
    assert not (tmp_path / LEDGER_FILE).exists()
    (tmp_path / "elsewhere").rename(tmp_path / LEDGER_FILE)
    house.ledger.append([make_row("req_0")])


def test_a_damaged_ledger_is_unavailable(tmp_path: Path) -> None:
    open_sqlite(tmp_path).close()
    store = open_sqlite(tmp_path)
    (tmp_path / LEDGER_FILE).write_bytes(b"not a database at all" * 500)
    with pytest.raises(LedgerUnavailable):
        store.ledger.append([make_row("req_0")])
    store.close()


def test_double_rows_are_impossible_by_the_tables_own_constraint(house: SqliteStore, tmp_path: Path) -> None:
    house.ledger.append([make_row("req_0")])
    with (
        closing(sqlite3.connect(tmp_path / LEDGER_FILE)) as other,
        pytest.raises(sqlite3.IntegrityError, match="UNIQUE"),
    ):
        other.execute(f"INSERT INTO calls ({_COLUMNS}) SELECT {_COLUMNS} FROM calls")


def test_every_batch_is_synced_before_it_is_acknowledged(tmp_path: Path) -> None:
    open_sqlite(tmp_path).close()
    with closing(ledger_sqlite.connect_ledger(tmp_path / LEDGER_FILE)) as connection:
        settings = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2]


def test_readers_and_the_writer_do_not_wait_for_each_other(house: SqliteStore) -> None:
    stop = threading.Event()
    read: list[int] = []

    def follow() -> None:
        while not stop.is_set():
            read.append(len(house.ledger.since(0)))

    threads = [threading.Thread(target=follow) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(200):
        house.ledger.append([make_row(f"req_{n}")])
    stop.set()
    for thread in threads:
        thread.join(10)
    assert read
    assert len(house.ledger.since(0)) == 200


@contextmanager
def _files_limited_to(size: int) -> Iterator[None]:
    """What a full disk is to this process: no file grows beyond this many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


_COLUMNS = ", ".join(make_row("")._fields)
