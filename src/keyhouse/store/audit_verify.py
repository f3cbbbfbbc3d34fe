"""Holding the audit log to its seals, and the seals to what was kept of them elsewhere."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row

from keyhouse.store import audit_chain
from keyhouse.store.audit_chain import MARK_LENGTH
from keyhouse.store.contract import Anchor, AuditKeys, Seal


def problems(connection: Connection, keys: AuditKeys, anchors: Iterable[Anchor]) -> Iterator[str]:
    """Everything that does not fit, in the order of the log. Holds one batch, and the anchors, in memory."""
    wanted: dict[int, set[bytes]] = {}
    for anchor in anchors:
        wanted.setdefault(anchor.number, set()).add(anchor.mac)
    events = _Events(audit_chain.rows(connection))
    before: Seal | None = None
    for seal, marks in audit_chain.seals(connection):
        yield from _misplaced(seal, before)
        yield from _unlike_anchor(seal, wanted.pop(seal.number, None))
        yield from _unsealed(events.until(seal.first_seq - 1), f"before seal {seal.number}")
        key = keys.by_id.get(seal.key_id)
        batch = list(events.until(seal.last_seq))
        if key is None:
            yield f"Seal {seal.number} was made under the key '{seal.key_id}', which is not here: it cannot be checked."
        else:
            mac = audit_chain.mac_of(key, seal, marks, b"" if before is None else before.mac)
            if not hmac.compare_digest(mac, seal.mac):
                yield f"Seal {seal.number} is not what it was: it was changed, or the one before it."
            yield from _unlike(seal, batch, _split(marks), [audit_chain.mark(key, row) for row in batch])
        before = seal
    yield from _unsealed(events.rest(), "at the end of the log")
    if wanted:
        yield (
            f"The log ends at seal {0 if before is None else before.number}, and seal {max(wanted)} was anchored: "
            "the tail was cut, or this is an older copy."
        )


class _Events:
    """The log's rows, taken as far as a seal goes."""

    def __init__(self, rows: Iterator[Row[Any]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def until(self, last_seq: int) -> Iterator[Row[Any]]:
        while self._next is not None and self._next.seq <= last_seq:
            yield self._next
            self._next = next(self._rows, None)

    def rest(self) -> Iterator[Row[Any]]:
        return iter(()) if self._next is None else chain([self._next], self._rows)


def _misplaced(seal: Seal, before: Seal | None) -> Iterator[str]:
    due = 1 if before is None else before.number + 1
    if seal.number != due:
        yield f"Seal {due} is missing: seal {seal.number} comes next."
    if before is not None and seal.first_seq <= before.last_seq:
        yield f"Seal {seal.number} begins before seal {before.number} ends."


def _unlike_anchor(seal: Seal, macs: set[bytes] | None) -> Iterator[str]:
    if macs is not None and macs != {seal.mac}:
        yield (
            f"Seal {seal.number} is not the one that was anchored: the chain was written anew, or goes on from an older copy."
        )


def _unlike(seal: Seal, batch: Sequence[Row[Any]], told: Sequence[bytes], found: Sequence[bytes]) -> Iterator[str]:
    """The first event of a batch that is not what was sealed."""
    if told == found:
        return
    at = next(
        (i for i, pair in enumerate(zip(told, found, strict=False)) if pair[0] != pair[1]), min(len(told), len(found))
    )
    if len(found) < len(told):
        place = f"behind event '{batch[at - 1].id}'" if at else f"at number {seal.first_seq}"
        yield f"Of the {len(told)} events of seal {seal.number} {len(told) - len(found)} are missing, the first {place}."
    elif len(found) > len(told):
        yield f"Event '{batch[at].id}' (number {batch[at].seq}) was put among those of seal {seal.number}."
    else:
        yield f"Event '{batch[at].id}' (number {batch[at].seq}) is not what seal {seal.number} sealed: it was changed or moved."


def _unsealed(rows: Iterator[Row[Any]], where: str) -> Iterator[str]:
    first = next(rows, None)
    if first is not None:
        count = 1 + sum(1 for _ in rows)
        yield f"Event '{first.id}' (number {first.seq}) {where} has no seal; there are {count} such events there."


def _split(marks: bytes) -> list[bytes]:
    return [marks[at : at + MARK_LENGTH] for at in range(0, len(marks), MARK_LENGTH)]
