"""The audit log: what may be asked of it, and the seals that show whether it was tampered with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from keyhouse.domain.audit import AuditEvent, EventType
from keyhouse.store.contract.facts import Listed, Page


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events a list shows. None does not restrict; an empty tuple shows nothing. Within a tuple any may be it.

    `since` and `until` are Unix seconds; `until` is not included. `actor_ids` are ids of users, service accounts and keys, or
    `operator`.
    """

    since: int | None = None
    until: int | None = None
    types: tuple[EventType, ...] | None = None
    project_ids: tuple[str, ...] | None = None
    object_ids: tuple[str, ...] | None = None
    actor_ids: tuple[str, ...] | None = None
    actor_emails: tuple[str, ...] | None = None


EVERY_EVENT = AuditFilter()


class Seal(NamedTuple):
    """One link of the chain. `mac` (HMAC-SHA-256) covers the events from `first_seq` to `last_seq` and the seal before it;
    `sealed_at` is Unix seconds, `key_id` names the key outside the database."""

    number: int
    first_seq: int
    last_seq: int
    sealed_at: int
    key_id: str
    mac: bytes


class Anchor(NamedTuple):
    """What is kept elsewhere of a seal, to know it again."""

    number: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class AuditKeys:
    """The keys of seals by id, 32 bytes each; new seals are made under `current`."""

    current: str
    by_id: Mapping[str, bytes] = field(repr=False)


class AuditLog(Protocol):
    """In the order (at, order of appending). In a store that was given keys, the events of a transaction are sealed in it."""

    def append(self, event: AuditEvent) -> None: ...

    def list(
        self,
        organization_id: str,
        page: Page,
        where: AuditFilter = EVERY_EVENT,
        *,
        oldest_first: bool = False,
    ) -> Listed[AuditEvent]:
        """Newest first unless `oldest_first`, whatever the page says."""
        ...

    def head(self) -> Seal | None:
        """The last seal, None before the first."""
        ...

    def problems(self, anchors: Iterable[Anchor] = ()) -> Iterator[str]:
        """Reads every event and every seal, over all organizations, and tells what does not fit, the first of each kind of
        damage first. Raises `conflict` in a store that was given no keys."""
        ...


class SettingsSeen(Protocol):
    """The settings of the last start, as digests under a pepper: (pepper id, digest) by the setting's name."""

    def all(self) -> Mapping[str, tuple[str, bytes]]: ...
    def replace(self, digests: Mapping[str, tuple[str, bytes]]) -> None: ...
