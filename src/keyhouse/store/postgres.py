"""The shared store: one PostgreSQL database with every table, for many processes on many machines.

Writers of control's tables are serialised by an advisory lock that each transaction takes first and its end releases; they read
committed facts, which nobody else can change meanwhile. Readers see one snapshot (REPEATABLE READ).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pg8000.dbapi
import pg8000.native
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import QueuePool

from keyhouse.store.contract import AuditKeys, SchemaError, Seal, Transaction
from keyhouse.store.faults import sqlstate, translated
from keyhouse.store.ledger_postgres import OPENING_LOCK, PostgresLedger
from keyhouse.store.postgres_url import connect_arguments, shown_url
from keyhouse.store.schema import State, state_of, version_of
from keyhouse.store.sealing import Sealing
from keyhouse.store.transaction import SqlTransaction

WRITE_LOCK = 0x6B687772  # "khwr"
_WAIT_SECONDS = 5
_SOCKET_SECONDS = 60
WRITER_SETTINGS = {
    "default_transaction_isolation": "read committed",
    "lock_timeout": f"{_WAIT_SECONDS}s",
    # A process that stops in the middle of a transaction must not keep all others from writing.
    "idle_in_transaction_session_timeout": "60s",
}
_LEDGER_SETTINGS = {**WRITER_SETTINGS, "synchronous_commit": "on"}
_OPENING_SETTINGS = {**WRITER_SETTINGS, "synchronous_commit": "off"}
READER_SETTINGS = {"default_transaction_isolation": "repeatable read", "default_transaction_read_only": "on"}


class PostgresStore:
    """`contract.Store` on one database."""

    def __init__(self, url: str) -> None:
        self._arguments = connect_arguments(url)
        self._sealing = Sealing()
        lock = f"SELECT pg_advisory_xact_lock({WRITE_LOCK})"
        self._writer = _engine(self._arguments, WRITER_SETTINGS, connections=1, first=lock)
        self._reader = _engine(self._arguments, READER_SETTINGS, connections=20)
        self._openings = _engine(self._arguments, _OPENING_SETTINGS, connections=1, first=OPENING_LOCK)
        self.ledger = PostgresLedger(_ledger_connector(self._arguments), self._reader, self._openings)

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
        with self.read() as transaction:
            return transaction.changes.head()

    def backup(self, folder: Path) -> None:
        """Writes the files of an embedded house: they can be opened as one, and tell everything that the database does."""
        from keyhouse.store.copying import copy_to_sqlite

        engine = _engine(self._arguments, READER_SETTINGS, connections=1, timeout=None)
        try:
            with translated(), engine.begin() as connection:
                copy_to_sqlite(connection, folder)
        finally:
            engine.dispose()

    def close(self) -> None:
        self.ledger.close()
        for engine in (self._openings, self._reader, self._writer):
            engine.dispose()


def open_postgres(url: str) -> PostgresStore:
    """Opens the house in this database, creating or upgrading its tables.

    Raises `SchemaError` if they are newer than this Keyhouse or not ours, `invalid_value` for a URL that is not understood, and
    `store_unavailable` if there is no answer.
    """
    engine = _engine(connect_arguments(url), {"synchronous_commit": "on"}, connections=1, timeout=None)
    try:
        with translated():
            with engine.begin() as connection:
                current = _checked_state(connection, shown_url(url)) is State.CURRENT
            if not current:
                with engine.begin() as connection:
                    _upgrade(connection, shown_url(url))
    finally:
        engine.dispose()
    return PostgresStore(url)


def postgres_version(url: str) -> dict[str, str | None]:
    """The database's schema, None where it is empty. Raises as `open_postgres` does."""
    engine = _engine(connect_arguments(url), READER_SETTINGS, connections=1)
    try:
        with translated(), engine.begin() as connection:
            state = _checked_state(connection, shown_url(url))
            return {shown_url(url): None if state is State.EMPTY else version_of(connection)}
    finally:
        engine.dispose()


def _checked_state(connection: Connection, where: str) -> State:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise SchemaError(f"{where} has the encoding {encoding}; Keyhouse needs a database with encoding UTF8.")
    return state_of(connection, where)


def _upgrade(connection: Connection, where: str) -> None:
    """Under the writers' lock: of two processes that start at once, the second finds the work done."""
    from keyhouse.store.migrations import Part
    from keyhouse.store.upgrade import upgrade

    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
    if state_of(connection, where) is not State.CURRENT:
        upgrade(connection, Part, where)


def _engine(
    arguments: dict[str, Any],
    settings: dict[str, str],
    connections: int,
    *,
    first: str | None = None,
    timeout: int | None = _SOCKET_SECONDS,
) -> Engine:
    """An engine whose sessions have these settings, and whose transactions begin with the statement `first`."""
    engine = create_engine(
        "postgresql+pg8000://",
        creator=lambda: pg8000.dbapi.connect(**arguments, timeout=timeout, startup_params=settings),
        poolclass=QueuePool,
        pool_size=min(connections, 5),
        max_overflow=connections - min(connections, 5),
        pool_timeout=_WAIT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
    )

    # Many rows in one statement: the driver would send them one by one, a round trip each.
    engine.dialect.use_insertmanyvalues_wo_returning = True

    if first is not None:

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(first)

    @event.listens_for(engine, "handle_error")
    def _recognise_disconnect(context: ExceptionContext) -> None:
        # A server that goes says so first (57P01 and its kin); the dialect takes that for an error of the statement.
        if sqlstate(context.original_exception).startswith(("08", "57P")):
            context.is_disconnect = True

    return engine


def _ledger_connector(arguments: dict[str, Any]) -> Callable[[], pg8000.native.Connection]:
    def connect() -> pg8000.native.Connection:
        return pg8000.native.Connection(**arguments, timeout=2 * _WAIT_SECONDS, startup_params=_LEDGER_SETTINGS)

    return connect
