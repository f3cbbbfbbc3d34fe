"""The ledger as a SQLite file of its own: append-only, every batch synced before it is acknowledged.

docs/adr/0006-ledger-file.md has the measurements behind its shape.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from threading import Lock

import msgspec
from sqlalchemy import Engine

from keyhouse.domain.usage import UsageRow
from keyhouse.store.contract import LedgerRow, LedgerUnavailable, RowRefused
from keyhouse.store.faults import translated
from keyhouse.store.ledger import LedgerReader, storable
from keyhouse.store.types import INT64_MAX

BUSY_SECONDS = 5.0
_ONE_ROW = f"({', '.join('?' * len(UsageRow._fields))})"


def _insert_of(rows: int) -> str:
    columns, values = ", ".join(UsageRow._fields), ", ".join([_ONE_ROW] * rows)
    return f"INSERT INTO calls ({columns}) VALUES {values} ON CONFLICT (request_id) DO NOTHING"  # noqa: S608


_SINCE = (
    f"SELECT json_group_array(json_array(seq, json_array({', '.join(UsageRow._fields)})))"  # noqa: S608
    " FROM (SELECT * FROM calls WHERE seq > ? ORDER BY seq LIMIT ?)"
)
_rows = msgspec.json.Decoder(list[LedgerRow]).decode
# Many rows to a statement, in few lengths, which stay prepared. `executemany` would let go of the interpreter's lock and wait for
# it again at every row, while the event loop holds it.
_INSERTS = [(size, _insert_of(size)) for size in (128, 64, 32, 16, 8, 4, 2, 1)]
# SQLite would go on in floating point where an integer does not fit into 64 bits.
_CHARGE = (
    f"UPDATE balances SET spent_nanos = CASE WHEN spent_nanos > ? THEN {INT64_MAX} ELSE spent_nanos + ? END"  # noqa: S608
    " WHERE scope_id = ? AND period_end > ? AND period_start <= ?"
)
_DAY = 86_400
_DAY_US = _DAY * 1_000_000
# Not the disk's fault and never cured by waiting: the caller writes the other rows without this one.
_ROW_AT_FAULT = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


class SqliteLedger(LedgerReader):
    """`contract.Ledger` on one file, which must exist with its schema. Appends go through one connection of their own."""

    def __init__(self, path: Path, reader: Engine, openings: Engine) -> None:
        super().__init__(reader, openings)
        self._path = path
        self._writer: sqlite3.Connection | None = None
        self._scopes: set[str] = set()
        self._scopes_as_of = -1
        self._lock = Lock()

    def since(self, seq: int, limit: int = 10_000) -> Sequence[LedgerRow]:
        """All rows in one answer, as JSON: cheaper than a row at a time, and the interpreter's lock is let go of once."""
        with translated(), self._engine.begin() as connection:
            return _rows(connection.exec_driver_sql(_SINCE, (seq, limit)).scalar_one())

    def append(self, rows: Sequence[UsageRow]) -> None:
        if not rows:
            return
        with self._lock:
            try:
                self._insert(rows)
            except (OverflowError, UnicodeEncodeError):
                self._insert([storable(row) for row in rows])

    def close(self) -> None:
        with self._lock:
            self._discard()

    def _insert(self, rows: Sequence[UsageRow]) -> None:
        with self._writing() as connection:
            inserted = 0
            for insert, part in _parts(rows):
                inserted += connection.execute(insert, list(chain.from_iterable(part))).rowcount
            if scopes := self._scopes_with_balances(connection):
                new = rows if inserted == len(rows) else _last_rows(connection, inserted, rows)
                connection.executemany(_CHARGE, _charges(new, scopes))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._writer is None:
                self._writer, self._scopes_as_of = connect_ledger(self._path), -1
            self._writer.execute("BEGIN IMMEDIATE")
            yield self._writer
            self._writer.execute("COMMIT")
        except _ROW_AT_FAULT as error:
            self._discard()
            raise RowRefused(f"A usage row cannot be kept: {error}.") from error
        except sqlite3.Error as error:
            self._discard()
            raise LedgerUnavailable(f"Usage cannot be written to {self._path}: {error}.") from error
        finally:
            if self._writer is not None and self._writer.in_transaction:
                self._discard()

    def _scopes_with_balances(self, connection: sqlite3.Connection) -> set[str]:
        """Read again when another connection has committed: balances are opened by others, in this process or elsewhere."""
        ((as_of,),) = connection.execute("PRAGMA data_version")
        if as_of != self._scopes_as_of:
            self._scopes = {scope_id for (scope_id,) in connection.execute("SELECT DISTINCT scope_id FROM balances")}
            self._scopes_as_of = as_of
        return self._scopes

    def _discard(self) -> None:
        """Closes the writing connection, which rolls back what it had begun: the next append starts from nothing."""
        if self._writer is not None:
            with suppress(sqlite3.Error):
                self._writer.close()
            self._writer = None


def _parts(rows: Sequence[UsageRow]) -> Iterator[tuple[str, Sequence[UsageRow]]]:
    """The rows cut into the lengths of the statements, longest first."""
    start = 0
    for size, insert in _INSERTS:
        while len(rows) - start >= size:
            yield insert, rows[start : start + size]
            start += size


def _last_rows(connection: sqlite3.Connection, count: int, given: Sequence[UsageRow]) -> list[UsageRow]:
    """Those of the given rows that are the last `count` of the table: the ones that were not there before."""
    query = "SELECT request_id FROM calls ORDER BY seq DESC LIMIT ?"
    new = {request_id for (request_id,) in connection.execute(query, (count,))}
    firsts: dict[str, UsageRow] = {}
    for row in given:
        if row.request_id in new:
            firsts.setdefault(row.request_id, row)
    return list(firsts.values())


def _charges(rows: Sequence[UsageRow], scopes: set[str]) -> list[tuple[int, int, str, int, int]]:
    """The parameters of `_CHARGE` for each scope and each day of admission: periods begin and end at midnight."""
    by_key: dict[tuple[int, str, str, str], int] = defaultdict(int)
    for row in rows:
        if cost := row.cost_nanos:
            by_key[row.admitted_at_us // _DAY_US, row.organization_id, row.project_id, row.key_id] += cost
    sums: dict[tuple[str, int], int] = defaultdict(int)
    for (day, *scope_ids), cost in by_key.items():
        for scope_id in scopes.intersection(scope_ids):
            sums[scope_id, day * _DAY] += cost
    nanos = {place: min(cost, INT64_MAX) for place, cost in sums.items()}
    return [(INT64_MAX - max(cost, 0), cost, scope_id, day, day) for (scope_id, day), cost in nanos.items()]


def connect_ledger(path: Path) -> sqlite3.Connection:
    """A connection that appends: durable at COMMIT, with checkpoints rare enough to keep commits short."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=4000")
    return connection
