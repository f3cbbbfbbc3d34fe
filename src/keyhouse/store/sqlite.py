"""The embedded store: two SQLite files in the data directory, for one machine.

keyhouse.db   facts, reports and the log of refusals: SQLAlchemy, writers one at a time (BEGIN IMMEDIATE)
ledger.db     usage rows (ledger_sqlite.py)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from keyhouse.store import files
from keyhouse.store.contract import AuditKeys, SchemaError, Seal, Transaction
from keyhouse.store.faults import reason, translated, unavailable
from keyhouse.store.ledger_sqlite import BUSY_SECONDS, SqliteLedger
from keyhouse.store.schema import State, state_of, version_of
from keyhouse.store.sealing import Sealing
from keyhouse.store.transaction import SqlTransaction

CONTROL_FILE = "keyhouse.db"
LEDGER_FILE = "ledger.db"
_OLDEST_SQLITE = (3, 35)  # RETURNING


class SqliteStore:
    """`contract.Store` on a data directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sealing = Sealing()
        self._writer = sqlite_engine(folder / CONTROL_FILE, "BEGIN IMMEDIATE", connections=1)
        self._reader = sqlite_engine(folder / CONTROL_FILE, "BEGIN", connections=64)
        self._ledger_reader = sqlite_engine(folder / LEDGER_FILE, "BEGIN", connections=64)
        self._openings = sqlite_engine(folder / LEDGER_FILE, "BEGIN IMMEDIATE", connections=1, synchronous="NORMAL")
        self.ledger = SqliteLedger(folder / LEDGER_FILE, self._ledger_reader, self._openings)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with translated(), self._sealing.transaction(self._writer.begin) as transaction:
            yield transaction

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with translated(), self._reader.begin() as connection:
            yield SqlTransaction(connection, self._sealing.keys)

    def seal_audit(self, keys: AuditKeys, on_sealed: Callable[[Seal], None]) -> None:
        with self.read() as transaction:
            has_seals = transaction.audit.head() is not None
        with translated():
            # A command that only reads must not wait for writers.
            self._sealing.begin(self._reader.begin if has_seals else self._writer.begin, keys, on_sealed)

    def last_change(self) -> int:
        # Straight to the driver: a transaction costs twenty times as much, and this is most of what an idle gateway does.
        with translated():
            driver = self._reader.raw_connection()
            try:
                found: int = driver.cursor().execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()[0]
            except sqlite3.Error as error:
                raise unavailable(reason(error)) from error
            finally:
                driver.close()
        return found

    def backup(self, folder: Path) -> None:
        files.claim_empty(folder)
        # The ledger last: what the control file says is rolled up must be in the ledger's copy.
        for name in (CONTROL_FILE, LEDGER_FILE):
            _copy(self._folder / name, folder / name)
        files.sync_folder(folder)

    def close(self) -> None:
        self.ledger.close()
        for engine in (self._openings, self._ledger_reader, self._reader, self._writer):
            engine.dispose()


def open_sqlite(data_dir: Path) -> SqliteStore:
    """Opens the house in this directory, creating or upgrading its files.

    Raises `SchemaError` if they are newer than this Keyhouse or not ours.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise SchemaError(f"This Python has SQLite {sqlite3.sqlite_version}; Keyhouse needs 3.35 or newer.")
    files.make_private(data_dir, (CONTROL_FILE, LEDGER_FILE))
    paths = [data_dir / CONTROL_FILE, data_dir / LEDGER_FILE]
    with files.locked(data_dir / files.LOCK_FILE), translated():
        for path in paths:
            files.create_private(path)
        # Both are looked at before either is changed.
        for path in [path for path in paths if not _is_current(path)]:
            _upgrade(path)
    return SqliteStore(data_dir)


def sqlite_versions(data_dir: Path) -> dict[str, str | None]:
    """The schema of each file, None where it is absent or empty. Raises `SchemaError` for one that cannot be read."""
    return {str(data_dir / name): _version(data_dir / name) for name in (CONTROL_FILE, LEDGER_FILE)}


def _version(path: Path) -> str | None:
    if not path.exists():
        return None
    try:
        with translated(), _opened(path, "BEGIN") as engine, engine.begin() as connection:
            return None if state_of(connection, str(path)) is State.EMPTY else version_of(connection)
    except DBAPIError as error:
        raise SchemaError(f"{path} cannot be read: {error.orig}.") from error


def _is_current(path: Path) -> bool:
    with _opened(path, "BEGIN") as engine, engine.begin() as connection:
        state = state_of(connection, str(path))
        if state is State.OTHER:
            from keyhouse.store.upgrade import require_known

            require_known(connection, str(path))
        return state is State.CURRENT


def _upgrade(path: Path) -> None:
    from keyhouse.store.migrations import Part
    from keyhouse.store.upgrade import upgrade

    with _opened(path, "BEGIN IMMEDIATE") as engine:
        _set_wal(engine)
        with engine.begin() as connection:
            upgrade(connection, [Part.LEDGER if path.name == LEDGER_FILE else Part.CONTROL], str(path))


@contextmanager
def _opened(path: Path, begin: str) -> Iterator[Engine]:
    engine = sqlite_engine(path, begin, connections=1)
    try:
        yield engine
    finally:
        engine.dispose()


def _set_wal(engine: Engine) -> None:
    """The mode stays in the file; it cannot be set inside a transaction."""
    driver = engine.raw_connection()
    try:
        driver.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        driver.close()


def sqlite_engine(path: Path, begin: str, connections: int, synchronous: str = "FULL") -> Engine:
    """An engine whose every transaction begins with `begin`; one that only reads can only read."""

    def connect() -> sqlite3.Connection:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        if begin == "BEGIN":
            connection.execute("PRAGMA query_only=ON")
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=min(connections, 5),
        max_overflow=connections - min(connections, 5),
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _copy(source: Path, target: Path) -> None:
    """SQLite's online backup in one step, which reads one snapshot and lets writers go on."""
    files.create_private(target)
    reader = sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)
    writer = sqlite3.connect(target)
    try:
        reader.backup(writer)
    finally:
        writer.close()
        reader.close()
    files.sync_file(target)
