"""A disk that refuses at any one of the ledger's operations: no acknowledged row is lost, balances are what their rows cost, and
the ledger goes on by itself."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest

from keyhouse.store import ledger_sqlite
from keyhouse.store.contract import Ledger, LedgerUnavailable
from keyhouse.store.sqlite import LEDGER_FILE, open_sqlite
from tests.ledger.balanced import balance_number, priced_row, unbalanced_of
from tests.ledger.powercut.vfs import RecordingVfs

FULL, WRITE_FAILED, SYNC_FAILED, TRUNCATE_FAILED, DELETE_FAILED = 13, 778, 1034, 1546, 2570
"""https://www.sqlite.org/rescode.html"""
_IO_ERRORS = {"write": WRITE_FAILED, "sync": SYNC_FAILED, "truncate": TRUNCATE_FAILED, "delete": DELETE_FAILED}
_TRIES = 60
_BATCHES = 14
_CHECKPOINT_PAGES = 12


def disk_full(operation: str) -> int:
    return FULL if operation == "write" else 0


def io_error(operation: str) -> int:
    return _IO_ERRORS[operation]


class Disk:
    """Works until its `first` operation, then fails `times` operations, then works again."""

    def __init__(self, error: Callable[[str], int], first: int, times: int) -> None:
        self.operations = 0
        self.refused = 0
        self._error = error
        self._failing = range(first, first + times)

    def __call__(self, operation: str) -> int:
        self.operations += 1
        result = self._error(operation) if self.operations in self._failing else 0
        self.refused += result != 0
        return result


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A house with some rows and an open balance, closed."""
    folder = tmp_path / "template"
    with closing(open_sqlite(folder)) as store:
        store.ledger.append([priced_row(f"req_before_{n}") for n in range(20)])
        store.ledger.open_balance(balance_number(12))
    return folder


@pytest.mark.parametrize("times", [1, 9])
@pytest.mark.parametrize("error", [disk_full, io_error])
def test_a_fault_at_any_operation_loses_nothing_and_leaves_every_balance_its_rows(
    template: Path, tmp_path: Path, error: Callable[[str], int], times: int, long_form: bool
) -> None:
    """Faults that begin at every third operation, or that last for nine and begin at every ninth, so that each is refused in some
    life; where they begin differs from run to run. The long form begins at each operation."""
    untroubled = Disk(error, 0, 0)
    assert live(template, tmp_path / "untroubled", untroubled) == Counter()
    assert untroubled.operations > 100
    told: Counter[str] = Counter()
    refused = 0
    step = 1 if long_form else max(times, 3)
    begin = random.randint(1, step)  # noqa: S311 - dice, not secrets
    print(f"the first fault begins at operation {begin}")
    for first in range(begin, untroubled.operations + 1, step):
        disk = Disk(error, first, times)
        told += live(template, tmp_path / "house", disk)
        refused += disk.refused
    # The faults were felt: by appends and by openings, and not by all, for a checkpoint may fail unnoticed.
    assert refused > 40
    assert told["append"] > 20
    assert told["open"] > 2


def live(template: Path, folder: Path, disk: Disk) -> Counter[str]:
    """The same life each time: batches with doubles, and openings, each tried until it is done; then all must be well.

    Returns how often callers were told that the ledger is unavailable.
    """
    told: Counter[str] = Counter()
    shutil.copytree(template, folder)
    with RecordingVfs(folder) as vfs, checkpoints_often(), closing(open_sqlite(folder)) as store:
        vfs.fault = disk
        for n in range(_BATCHES):
            if n % 4 == 1:
                told["open"] += tries(partial(store.ledger.open_balance, balance_number(n)))
            batch = [priced_row(f"req_{number}") for number in range(4 * n - 2, 4 * n + 4)]
            told["append"] += tries(partial(store.ledger.append, batch))
            assert len(store.ledger.contains([row.request_id for row in batch])) == len(batch), (
                "acknowledged and not there"
            )
            assert unbalanced_of(store.ledger) == []
        vfs.fault = lambda _: 0
        is_well(store.ledger)
    with closing(open_sqlite(folder)) as store:
        is_well(store.ledger)
    with closing(sqlite3.connect(folder / LEDGER_FILE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    shutil.rmtree(folder)
    return +told


def is_well(ledger: Ledger) -> None:
    ids = [found.row.request_id for found in ledger.since(0)]
    assert len(ids) == len(set(ids)) == 20 + 4 * _BATCHES + 2
    assert len(ledger.balances()) == 5
    assert unbalanced_of(ledger) == []


def tries(step: Callable[[], object]) -> int:
    """Does it until it is done; how often it was unavailable before."""
    for failed in range(_TRIES):
        try:
            step()
        except LedgerUnavailable:
            continue
        return failed
    raise AssertionError("the ledger does not come back")


@contextmanager
def checkpoints_often() -> Iterator[None]:
    real = ledger_sqlite.connect_ledger

    def connect(path: Path) -> sqlite3.Connection:
        connection = real(path)
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        return connection

    with patch.object(ledger_sqlite, "connect_ledger", connect):
        yield
