"""Many people, keys and audit events in a house's embedded store at once: copies of rows that the house itself wrote.

Events that are copied so are in no seal: nothing that is measured here reads seals.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bench.bulk_keys import Digest, insert_keys

_PERSON = "user-bench"
_AUDIT = "audit_log-bench"
_A_DAY = 86_400


def fill(control_file: Path, first_secret: str, digest: Digest, *, people: int, keys: int, events: int) -> None:
    """Adds this many of each. Every key has an owner of its own, as far as there are people; events are of a thousand of them,
    of ten types. The house must not be running."""
    insert_keys(control_file, first_secret, keys, digest, 1)
    with closing(sqlite3.connect(control_file)) as connection:
        connection.execute("PRAGMA cache_size=-1000000")
        connection.execute("PRAGMA synchronous=OFF")
        with connection:
            _add_people(connection, people)
            connection.execute(
                "UPDATE keys SET user_id = :person || (rowid % :people), created_at = created_at + rowid / 10 "
                "WHERE name LIKE 'bench %'",
                {"person": _PERSON, "people": people},
            )
            _add_events(connection, events)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _add_people(connection: sqlite3.Connection, count: int) -> None:
    for table, changes in (
        ("people", {"id": f"'{_PERSON}' || n", "email": "'bench' || n || '@example.com'"}),
        ("members", {"user_id": f"'{_PERSON}' || n", "added_at": "added_at + n / 10", "role": "'member'"}),
    ):
        _multiply(connection, table, count, changes)


def _add_events(connection: sqlite3.Connection, count: int) -> None:
    types = [row[0] for row in connection.execute("SELECT DISTINCT type FROM audit ORDER BY type")]
    named = " ".join(f"WHEN {number} THEN '{type_}'" for number, type_ in enumerate(types))
    changes = {
        "seq": "(SELECT max(seq) FROM audit) + n + 1",
        "id": f"'{_AUDIT}' || n",
        "at": f"at + n % (30 * {_A_DAY})",
        "type": f"CASE n % {len(types)} {named} END",
        "actor_kind": "'api_key'",
        "actor_user_id": f"'{_PERSON}' || (n % 1000)",
        "actor_email": "'bench' || (n % 1000) || '@example.com'",
        "object_id": "'object' || (n % 10000)",
    }
    _multiply(connection, "audit", count, changes)


def _multiply(connection: sqlite3.Connection, table: str, count: int, changes: dict[str, str]) -> None:
    """`count` copies of the table's first row; `changes`: the columns that differ, as SQL in which `n` counts from 0."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changes.get(column, column) for column in columns)
    connection.execute(
        "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?) "  # noqa: S608 - constants
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"SELECT {values} FROM numbers, (SELECT * FROM {table} ORDER BY rowid LIMIT 1)",
        (count,),
    )
