"""A great many keys in a house's embedded store at once, each with a real secret's digest.

Going through the key use case takes a transaction and an audit event for each, hours for a million. Here the rows of the house's
first key, which the house itself wrote, are copied with only what differs: ids, name and digest.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keyhouse.domain import base62, ids, keyformat
from keyhouse.domain.keyformat import SecretKind
from keyhouse.policy.peppers import Peppers
from keyhouse.store import secretfiles
from keyhouse.store.opening import open_store

_BATCH = 100_000
_RANDOM_LENGTH = keyformat.PUBLIC_ID_LENGTH + keyformat.SECRET_LENGTH

Row = dict[str, Any]
Digest = Callable[[str], tuple[str, bytes]]
"""(pepper id, digest) of a secret."""


@dataclass(frozen=True)
class _Template:
    key: Row
    secret: Row


def digests_of(data: Path) -> Digest:
    """The digests that the gateway of this data directory will look for."""
    store = open_store(data)
    try:
        peppers = secretfiles.load_or_create(data, store, int(time.time())).peppers
    finally:
        store.close()
    return Peppers(peppers.current, peppers.by_id).digest


def insert_keys(control_file: Path, first_secret: str, count: int, digest: Digest, keep: int) -> list[str]:
    """Adds `count` keys like the one of `first_secret`; returns `keep` of their secrets, evenly spread among them.

    The house must not be running.
    """
    kept: list[str] = []
    step = count // keep
    with closing(sqlite3.connect(control_file)) as connection:
        connection.execute("PRAGMA cache_size=-1000000")  # KiB: the indexes of a million keys stay in memory
        connection.execute("PRAGMA synchronous=OFF")  # of this connection alone; the checkpoint below is what must last
        template = _template(connection, first_secret)
        for start in range(0, count, _BATCH):
            fresh = [(_mint(), number) for number in range(start, min(start + _BATCH, count))]
            with connection:
                _insert(connection, template, fresh, digest)
            kept += [value for value, number in fresh if number % step == 0]
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return kept[:keep]


def _template(connection: sqlite3.Connection, secret: str) -> _Template:
    parsed = keyformat.parse(secret)
    assert parsed is not None, "keyhouse init gives a well-formed secret"
    connection.row_factory = sqlite3.Row
    secret_row = connection.execute("SELECT * FROM key_secrets WHERE public_id = ?", (parsed[1],)).fetchone()
    key_row = connection.execute("SELECT * FROM keys WHERE id = ?", (secret_row["key_id"],)).fetchone()
    return _Template(dict(key_row), dict(secret_row))


def _insert(connection: sqlite3.Connection, template: _Template, fresh: list[tuple[str, int]], digest: Digest) -> None:
    key_ids = [_random(ids.KEY, 24) for _ in fresh]
    keys = ({"id": key_id, "name": f"bench {number}"} for key_id, (_, number) in zip(key_ids, fresh, strict=True))
    secrets = (_secret(key_id, value, digest) for key_id, (value, _) in zip(key_ids, fresh, strict=True))
    _copy(connection, "keys", template.key, keys)
    _copy(connection, "key_secrets", template.secret, secrets)


def _secret(key_id: str, value: str, digest: Digest) -> Row:
    pepper_id, digested = digest(value)
    parsed = keyformat.parse(value)
    assert parsed is not None, "minted by the same rule"
    return {
        "public_id": parsed[1],
        "key_id": key_id,
        "digest": digested,
        "pepper_id": pepper_id,
        "redacted": keyformat.redact(value),
    }


def _copy(connection: sqlite3.Connection, table: str, row: Row, changes: Iterator[Row]) -> None:
    columns = ", ".join(row)
    places = ", ".join(f":{column}" for column in row)
    statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 - names come from the schema itself
    connection.executemany(statement, ({**row, **change} for change in changes))


def _mint() -> str:
    """As keyformat.mint, but for its source of randomness: a million of these guard nothing and should be ready in seconds."""
    value = _random(SecretKind.PROJECT.value, _RANDOM_LENGTH)
    return value + keyformat.checksum(value)


def _random(prefix: str, length: int) -> str:
    return prefix + "".join(random.choices(base62.ALPHABET, k=length))  # noqa: S311 - see _mint
