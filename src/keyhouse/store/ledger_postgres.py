"""The ledger as a table of PostgreSQL: one statement, one round trip, one transaction for a batch.

`seq` grows in commit order because whoever appends holds an advisory lock from before the first number is taken until the commit
is visible: PostgreSQL releases such a lock after that.

The statement's snapshot is older than its turn, but not older than a balance: PostgreSQL locks the tables that a statement writes
before it takes the snapshot that the statement sees, and who opens a balance locks their table against that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import get_type_hints

import msgspec
from pg8000.exceptions import Error
from pg8000.native import Connection, PreparedStatement
from sqlalchemy import Engine

from keyhouse.domain.usage import UsageRow
from keyhouse.store.contract import LedgerUnavailable, RowRefused
from keyhouse.store.faults import reason, sqlstate
from keyhouse.store.ledger import LedgerReader, storable
from keyhouse.store.types import INT64_MAX

APPEND_LOCK = 0x6B686C65  # "khle"
OPENING_LOCK = "LOCK TABLE balances IN SHARE ROW EXCLUSIVE MODE"
# PostgreSQL's classes: data exception, integrity constraint violation.
_DATA, _INTEGRITY = "22", "23"
_HINTS = get_type_hints(UsageRow)
_VALUES = ", ".join(
    f"(r->>{n})::bigint" if _HINTS[name] in {int, int | None} else f"r->>{n}" for n, name in enumerate(UsageRow._fields)
)
_INSERT = f"""
    WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock({APPEND_LOCK})),
    inserted AS (
        INSERT INTO calls ({", ".join(UsageRow._fields)})
        SELECT {_VALUES} FROM held, jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS given (r, n) ORDER BY n
        ON CONFLICT (request_id) DO NOTHING
        RETURNING organization_id, project_id, key_id, admitted_at_us / 1000000 AS second, cost_nanos
    ),
    charges AS (
        SELECT b.scope_id, b.budget_id, b.period_start, sum(cost_nanos) AS nanos
        FROM inserted CROSS JOIN LATERAL (VALUES (organization_id), (project_id), (key_id)) AS scopes (scope_id)
        JOIN balances AS b ON b.scope_id = scopes.scope_id AND second >= b.period_start AND second < b.period_end
        WHERE cost_nanos <> 0
        GROUP BY 1, 2, 3
    )
    UPDATE balances AS kept SET spent_nanos = least(kept.spent_nanos + nanos, {INT64_MAX})
    FROM charges
    WHERE (kept.scope_id, kept.budget_id, kept.period_start) = (charges.scope_id, charges.budget_id, charges.period_start)
"""  # noqa: S608


class PostgresLedger(LedgerReader):
    """`contract.Ledger` on PostgreSQL. Appends go through one connection of their own, opened when it is needed."""

    def __init__(self, connect: Callable[[], Connection], reader: Engine, openings: Engine) -> None:
        super().__init__(reader, openings)
        self._connect = connect
        self._writer: tuple[Connection, PreparedStatement] | None = None
        self._lock = Lock()

    def append(self, rows: Sequence[UsageRow]) -> None:
        if not rows:
            return
        with self._lock:
            try:
                self._insert(msgspec.json.encode(rows).decode())
            except UnicodeEncodeError:
                self._insert_storable(rows)
            except Error as error:
                if not sqlstate(error).startswith(_DATA):
                    raise _meaning_of(error) from error
                self._insert_storable(rows)

    def close(self) -> None:
        with self._lock:
            self._discard()

    def _insert_storable(self, rows: Sequence[UsageRow]) -> None:
        try:
            self._insert(msgspec.json.encode([storable(row) for row in rows]).decode())
        except Error as error:
            raise _meaning_of(error) from error

    def _insert(self, rows: str) -> None:
        try:
            if self._writer is None:
                connection = self._connect()
                self._writer = connection, connection.prepare(_INSERT)
            self._writer[1].run(rows=rows)
        except Error:
            self._discard()
            raise

    def _discard(self) -> None:
        """Closes the writing connection; the next append opens a new one."""
        if self._writer is not None:
            with suppress(Error, OSError):
                self._writer[0].close()
            self._writer = None


def _meaning_of(error: Error) -> LedgerUnavailable | RowRefused:
    if sqlstate(error).startswith((_DATA, _INTEGRITY)):
        return RowRefused(f"A usage row cannot be kept: {reason(error)}.")
    return LedgerUnavailable(f"Usage cannot be written to the database: {reason(error)}.")
