"""The chain that seals the audit log: what was written cannot be changed by somebody who has the database and not the key.

Each event has a mark, the HMAC-SHA-256 of its row as it is stored. A seal holds the marks of one batch, and an HMAC over them,
over itself and over the seal before it. A batch is what one transaction appended, and is sealed by that transaction: no event is
ever committed without its seal. Rolled back transactions leave holes in `seq`, so it is the count of marks that tells a deletion.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, String, func, insert, select, type_coerce

from keyhouse.store.audit_tables import audit_seals
from keyhouse.store.contract import AuditKeys, Seal
from keyhouse.store.tables import audit

MARK_LENGTH = 32
_MOST_EVENTS = 1000
"""Of one seal: what an upgrade finds, and a transaction with many events, gets several."""
_AT_ONCE = 2000

# As stored, whatever stands there: a type or details that nobody can read any more must not end the look. Columns that are added
# later are not covered by seals of before, so this list never changes; a new one gets a new text in front.
_EVENT = b"keyhouse audit event 1\n"
_SEAL = b"keyhouse audit seal 1\n"
_Query = Select[*tuple[Any, ...]]
_COVERED = (
    "seq", "id", "at", "organization_id", "type", "actor_kind", "actor_user_id", "actor_key_id", "actor_address", "object_id",
    "project_id", "details", "actor_email", "actor_service_account_id",
)  # fmt: skip
_ROWS = select(*(type_coerce(audit.c[name], String()).label(name) for name in _COVERED)).order_by(audit.c.seq)
_HEAD = [audit_seals.c[name] for name in Seal._fields]


def head(connection: Connection) -> Seal | None:
    """The last seal."""
    row = connection.execute(select(*_HEAD).order_by(audit_seals.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else Seal(*row)


def seal(connection: Connection, keys: AuditKeys, first_seq: int, last_seq: int) -> Seal:
    """Seals the events that this transaction appended. Before the first seal, all that are there."""
    last = head(connection)
    where = audit.c.seq <= last_seq if last is None else audit.c.seq.between(first_seq, last_seq)
    for batch in _batches(connection, _ROWS.where(where)):
        marks = b"".join(mark(keys.by_id[keys.current], row) for row in batch)
        number = 1 if last is None else last.number + 1
        made = Seal(number, batch[0].seq, batch[-1].seq, batch[-1].at, keys.current, b"")
        made = made._replace(mac=mac_of(keys.by_id[keys.current], made, marks, b"" if last is None else last.mac))
        connection.execute(insert(audit_seals).values(**made._asdict(), marks=marks))
        last = made
    if last is None:
        raise ValueError("nothing was appended")
    return last


def seal_all(connection: Connection, keys: AuditKeys) -> Seal | None:
    """Seals what was there before seals were. Does nothing where there is one already, or no event."""
    newest = connection.scalars(select(func.max(audit.c.seq))).one()
    if newest is None or head(connection) is not None:
        return None
    return seal(connection, keys, 0, newest)


def mark(key: bytes, row: Row[Any]) -> bytes:
    """The HMAC of an event's row."""
    return hmac.digest(key, _EVENT + _encoded(row), "sha256")


def mac_of(key: bytes, unsigned: Seal, marks: bytes, before: bytes) -> bytes:
    """The HMAC of a seal: over what it says, the marks of its events, and the seal before it."""
    head_ = [unsigned.number, unsigned.first_seq, unsigned.last_seq, unsigned.sealed_at, unsigned.key_id, before.hex()]
    return hmac.digest(key, _SEAL + _encoded(head_) + b"\n" + marks, "sha256")


def rows(connection: Connection) -> Iterator[Row[Any]]:
    """Every event as it is stored, oldest first, over all organizations; some at a time."""
    return _paged(connection, _ROWS, audit.c.seq)


def seals(connection: Connection) -> Iterator[tuple[Seal, bytes]]:
    """Every seal and its marks, by number."""
    query = select(*_HEAD, audit_seals.c.marks).order_by(audit_seals.c.number)
    for row in _paged(connection, query, audit_seals.c.number):
        yield Seal._make(row[:-1]), row.marks


def _paged(connection: Connection, query: _Query, by: Any) -> Iterator[Row[Any]]:
    """`query` is ordered by `by`, its first column."""
    page = connection.execute(query.limit(_AT_ONCE)).all()
    while page:
        yield from page
        page = connection.execute(query.where(by > page[-1][0]).limit(_AT_ONCE)).all()


def _batches(connection: Connection, query: _Query) -> Iterator[Sequence[Row[Any]]]:
    found = connection.execute(query.limit(_MOST_EVENTS)).all()
    while found:
        yield found
        found = connection.execute(query.where(audit.c.seq > found[-1].seq).limit(_MOST_EVENTS)).all()


def _encoded(values: Sequence[Any] | Row[Any]) -> bytes:
    """Canonical: one JSON array, ASCII, no spaces. `repr` stands for what SQLite lets somebody put there, such as a blob."""
    return json.dumps(list(values), separators=(",", ":"), default=repr).encode()
