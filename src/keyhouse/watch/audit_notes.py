"""Audit events that a caller can cause as often as it likes: refused calls of the administration API, and uses of revoked keys.

The first of a kind is written within a second; those of the same kind in the ten minutes after it are counted, and told by one
event at their end. So the log grows by a bounded number of events whatever comes in, and nothing is written while a caller waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from keyhouse.domain import ids
from keyhouse.domain.audit import Actor, AuditEvent, EventType
from keyhouse.domain.errors import KeyhouseError, shown
from keyhouse.domain.keys import Key
from keyhouse.store.contract import Store

WINDOW_SECONDS = 600
MOST_KINDS = 1000
_log = structlog.get_logger(__name__)

_Kind = tuple[EventType, str, str]
"""What is counted apart: the type, the key, and why and what was refused."""


@dataclass(slots=True)
class _Counted:
    """`newest` is the last event of its kind, `more` how many came after the one that was written."""

    newest: AuditEvent
    since: int
    more: int = 0


class AuditNotes:
    """`clock` gives Unix seconds. Noting never blocks and never raises; `dropped` counts what found no room."""

    def __init__(self, store: Store, clock: Callable[[], int], *, interval_seconds: float = 1.0) -> None:
        self.dropped = 0
        self._store = store
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._counted: dict[_Kind, _Counted] = {}
        self._waiting: list[AuditEvent] = []
        self._noting = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keyhouse-audit-notes", daemon=True)
        self._thread.start()

    def refused_call(self, organization_id: str, actor: Actor, error: KeyhouseError, method: str, path: str) -> None:
        """A call of the administration API that a key was refused."""
        details: dict[str, object] = {
            "error_code": error.code.code, "error_message": error.message, "method": shown(method), "path": shown(path, 200),
        }  # fmt: skip
        kind = (EventType.ADMIN_CALL_REFUSED, actor.key_id or "", f"{error.code.code} {method}")
        object_id = actor.key_id or ""
        event = AuditEvent(_id(), self._clock(), organization_id, kind[0], actor, object_id, details=details)
        self._note(kind, event)

    def used_after_revocation(self, key: Key, address: str | None) -> None:
        """A call with the secret of a key; it is noted if that was revoked."""
        if key.revoked_at is None:
            return
        actor = Actor("api_key", key.user_id, key.id, address, service_account_id=key.service_account_id)
        details: dict[str, object] = {"name": key.name, "revoked_at": key.revoked_at}
        kind = (EventType.API_KEY_USED_AFTER_REVOCATION, key.id, "")
        where = key.organization_id, kind[0], actor, key.id, key.project_id
        self._note(kind, AuditEvent(_id(), self._clock(), *where, details))

    def flush(self) -> None:
        """Writes what waits, and the counts of those ten minutes that are over. Raises what the store raises."""
        self._write(self._taken(self._clock() - WINDOW_SECONDS))

    def close(self) -> None:
        """Ends the thread, and writes every count."""
        self._closing.set()
        self._thread.join()

    def _note(self, kind: _Kind, event: AuditEvent) -> None:
        with self._noting:
            counted = self._counted.get(kind)
            if counted is not None:
                counted.newest, counted.more = event, counted.more + 1
            elif len(self._counted) < MOST_KINDS:
                self._counted[kind] = _Counted(event, event.at)
                self._waiting.append(_told(event, 1, event.at))
            else:
                self.dropped += 1

    def _taken(self, begun_by: int) -> list[AuditEvent]:
        with self._noting:
            events, self._waiting = self._waiting, []
            for kind, counted in list(self._counted.items()):
                if counted.since <= begun_by:
                    del self._counted[kind]
                    if counted.more:
                        events.append(_told(counted.newest, counted.more, counted.since))
        return events

    def _write(self, events: list[AuditEvent]) -> None:
        if events:
            self.dropped += len(events)
            with self._store.write() as tx:
                for event in events:
                    tx.audit.append(event)
            self.dropped -= len(events)

    def _run(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.wait(self._interval_seconds)
            try:
                self._write(self._taken(self._clock() if closing else self._clock() - WINDOW_SECONDS))
            except Exception:  # a background loop's border: the log must go on when the disk was full once
                _log.exception("audit events could not be written", dropped=self.dropped)


def _id() -> str:
    return ids.new_id(ids.AUDIT)


def _told(event: AuditEvent, count: int, since: int) -> AuditEvent:
    """The event with how often it happened, and from when on; its own time is the last."""
    return replace(event, details={**event.details, "count": count, "since": since})
