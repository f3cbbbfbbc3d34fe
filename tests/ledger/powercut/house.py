"""A real house under load on a recorded disk, and the same house after the power was cut."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from keyhouse.ledger.journal import Journal
from keyhouse.store import ledger_sqlite
from keyhouse.store.contract import Balance, Ledger
from keyhouse.store.sqlite import CONTROL_FILE, LEDGER_FILE, open_sqlite
from tests.ledger.balanced import balance_number, priced_row, unbalanced_of
from tests.ledger.powercut.disk import Disk, Loss
from tests.ledger.powercut.vfs import Acknowledged, Event, RecordingVfs

_CALLERS = 5
_RUNS = 2
_CALLS_EACH = 60
CALLS = _RUNS * _CALLERS * _CALLS_EACH
_CHECKPOINT_PAGES = 150


class Damage(NamedTuple):
    """What is wrong with a house after the power came back. Empty: nothing."""

    lost: frozenset[str]
    doubled: frozenset[str]
    changed: frozenset[str]
    unbalanced: tuple[Balance, ...]
    corrupt: tuple[str, ...]

    def __bool__(self) -> bool:
        return any(self)


def record(folder: Path, dice: random.Random, synchronous: str | None = None) -> Sequence[Event]:
    """Creates a house in the folder and loads it in two runs, with a clean restart between; returns what the disk was told.

    `synchronous` overrules what the ledger's connection asks for, to show what its FULL is for.
    """
    with RecordingVfs(folder) as vfs, _connections(synchronous):
        for run in range(_RUNS):
            store = open_sqlite(folder)
            asyncio.run(_load(store.ledger, vfs.events, f"run{run}", dice))
            store.close()
    return vfs.events


def damages(
    events: Sequence[Event], cuts: Sequence[int], losses: Sequence[Loss], dice: random.Random
) -> Iterator[tuple[int, Loss, Damage]]:
    """What is found after cutting the power behind each of the first `cut` events, by each loss model in turn."""
    # Both files are created, empty, and their names synced before SQLite sees them.
    disk = Disk({CONTROL_FILE: b"", LEDGER_FILE: b""})
    acknowledged: set[str] = set()
    played = 0
    for n, cut in enumerate(sorted(cuts)):
        for number in range(played, cut):
            event = events[number]
            disk.play(number, event)
            if isinstance(event, Acknowledged):
                acknowledged.add(event.request_id)
        played = cut
        loss = losses[n % len(losses)]
        yield cut, loss, inspect(disk.after_cut(loss, dice), acknowledged)


def inspect(files: Mapping[str, bytes], acknowledged: set[str]) -> Damage:
    """Opens the house that these files make with the real store, and compares its ledger with what callers were told."""
    folder = Path(tempfile.mkdtemp(prefix="powercut-"))
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        with closing(open_sqlite(folder)) as store:
            rows = [found.row for found in store.ledger.since(0, limit=1_000_000)]
            unbalanced = unbalanced_of(store.ledger)
            store.ledger.append([priced_row("req_after")])
            unbalanced += unbalanced_of(store.ledger)
            assert store.ledger.contains(["req_after"]), "the ledger takes no rows any more"
        times = Counter(row.request_id for row in rows)
        return Damage(
            lost=frozenset(acknowledged - times.keys()),
            doubled=frozenset(id_ for id_, count in times.items() if count > 1),
            changed=frozenset(row.request_id for row in rows if row != priced_row(row.request_id)),
            unbalanced=tuple(unbalanced),
            corrupt=(*_integrity(folder / CONTROL_FILE), *_integrity(folder / LEDGER_FILE)),
        )
    finally:
        shutil.rmtree(folder)


async def _load(ledger: Ledger, events: list[Event], name: str, dice: random.Random) -> None:
    """Callers at once, each with one call after the other; what they are told is noted among the disk's events."""
    journal = Journal(ledger, asyncio.get_running_loop())

    async def caller(number: int) -> None:
        for n in range(_CALLS_EACH):
            request_id = f"req_{name}_{number}_{n}"
            if n % 10 == number:
                await journal.in_turn(partial(ledger.open_balance, balance_number(n + number)))
            await journal.append(priced_row(request_id))
            events.append(Acknowledged(request_id))
            await asyncio.sleep(dice.choice((0, 0, 0.001)))

    await asyncio.gather(*map(caller, range(_CALLERS)))
    await journal.close()


@contextmanager
def _connections(synchronous: str | None) -> Iterator[None]:
    """The ledger's own connections, but with checkpoints often enough to be cut, and weakened if asked."""
    real = ledger_sqlite.connect_ledger

    def connect(path: Path) -> sqlite3.Connection:
        connection = real(path)
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        if synchronous is not None:
            connection.execute(f"PRAGMA synchronous={synchronous}")
        return connection

    with patch.object(ledger_sqlite, "connect_ledger", connect):
        yield


def _integrity(path: Path) -> tuple[str, ...]:
    with closing(sqlite3.connect(path)) as connection:
        found = tuple(text for (text,) in connection.execute("PRAGMA integrity_check"))
    return () if found == ("ok",) else found
