"""What is remembered, as everybody else sees it: one contract, which SQLite and PostgreSQL both keep.

The contract is synchronous: faces, the command line and worker threads call it; the event loop never does.
`tests/store/` holds every backend to it, on a real server.

A `Transaction` is one database transaction. It commits when its `with` block ends and rolls back when an exception
leaves it. Writers are serialised: a transaction opened with `write()` waits for the one before it, and what it reads stays true
until it ends. Times are Unix seconds unless the name ends in `_us`. Lists are ordered by (created_at, id), oldest first
unless said otherwise, paged by the id after which to go on, and stable under concurrent writes; a cursor that names nothing
raises `invalid_value` with param `after`.

Errors are `KeyhouseError`s: `conflict` where a fact contradicts what is stored (an id or name that exists, a reference to
nothing), `invalid_value` for a text with NUL or half of a surrogate pair, `not_found` for a `save` of what was never added, and
`store_unavailable` where the database is away, full, or busy for longer than a few seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from keyhouse.domain.audit import AuditEvent
from keyhouse.domain.keys import Key, KeyKind, KeySecret
from keyhouse.domain.money import Price
from keyhouse.domain.people import Member, Person
from keyhouse.domain.projects import Organization, Project, ServiceAccount
from keyhouse.domain.upstreams import Upstream
from keyhouse.domain.usage import RefusedCall, UsageRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """A cut of a list. `after`: the id of the last item already seen; `limit`: 1 to 1,000."""

    after: str | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    items: tuple[T, ...]
    has_more: bool


# --- control facts ---------------------------------------------------------------------------------------------------


class Organizations(Protocol):
    def add(self, organization: Organization) -> None: ...
    def get(self, organization_id: str) -> Organization | None: ...
    def all(self) -> Sequence[Organization]: ...


class Projects(Protocol):
    def add(self, project: Project) -> None: ...
    def get(self, organization_id: str, project_id: str) -> Project | None: ...
    def save(self, project: Project) -> None: ...
    def list(self, organization_id: str, page: Page, *, include_archived: bool = False) -> Listed[Project]: ...


class People(Protocol):
    """People and their membership in organizations."""

    def add(self, person: Person, member: Member) -> None: ...
    def get(self, organization_id: str, user_id: str) -> tuple[Person, Member] | None: ...
    def by_email(self, organization_id: str, email: str) -> tuple[Person, Member] | None: ...
    def owners(self, organization_id: str) -> Sequence[tuple[Person, Member]]:
        """Members whose role is owner, those added first first."""
        ...


class ServiceAccounts(Protocol):
    """Deleted accounts stay for the history; `list` does not return them, `get` only where they are asked for."""

    def add(self, account: ServiceAccount) -> None: ...
    def get(
        self, organization_id: str, project_id: str, account_id: str, *, include_deleted: bool = False
    ) -> ServiceAccount | None: ...
    def save(self, account: ServiceAccount) -> None: ...
    def list(self, organization_id: str, project_id: str, page: Page) -> Listed[ServiceAccount]: ...


class KeyFilter(NamedTuple):
    """Which keys a list shows. None does not restrict; `project_id` None with kind ADMIN lists the organization's admin keys."""

    project_id: str | None = None
    kinds: tuple[KeyKind, ...] | None = None
    service_account_id: str | None = None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What a call needs to know about a secret, read in one go: its key with all secrets, and the project's state."""

    key: Key
    secret: KeySecret
    project_archived: bool


class Keys(Protocol):
    def add(self, key: Key) -> None:
        """Stores the key and its secrets."""
        ...

    def get(self, organization_id: str, key_id: str) -> Key | None:
        """The key with its secrets, newest first."""
        ...

    def save(self, key: Key) -> None:
        """Stores everything but the secrets."""
        ...

    def add_secret(self, secret: KeySecret) -> None: ...

    def end_secret(self, public_id: str, valid_until: int) -> None:
        """Ends a secret at `valid_until`; an earlier end stays."""
        ...

    def find_secret(self, public_id: str) -> KeyRing | None:
        """The keyring's read: one indexed look-up over any organization, whatever the number of keys."""
        ...

    def list(self, organization_id: str, where: KeyFilter, page: Page) -> Listed[Key]: ...

    def touch(self, last_used: Mapping[str, int]) -> None:
        """Raises `last_used_at` of each key id to the given time; never lowers it."""
        ...


class Upstreams(Protocol):
    """Names are unique in an organization."""

    def add(self, upstream: Upstream) -> None: ...
    def by_name(self, organization_id: str, name: str) -> Upstream | None: ...
    def save(self, upstream: Upstream) -> None: ...
    def remove(self, upstream_id: str) -> None: ...
    def all(self) -> Sequence[Upstream]: ...


class Prices(Protocol):
    """Versions are only ever added. A model's price at a time is its version with the greatest `effective_at` not after it;
    of two with the same `effective_at` the one added later counts."""

    def add(self, prices: Iterable[Price]) -> None: ...
    def versions(self, model: str | None = None) -> Sequence[Price]:
        """Every version (of one model, or of all), ordered by model, effective_at, then the order of adding."""
        ...


class AuditLog(Protocol):
    def append(self, event: AuditEvent) -> None: ...
    def list(self, organization_id: str, page: Page) -> Listed[AuditEvent]:
        """Newest first."""
        ...


# --- changes: how running gateways learn of control's facts ----------------------------------------------------------


class ChangeKind(Enum):
    """What a gateway must look at again. The object id is a key's, a project's, or empty where all are meant."""

    KEY = "key"
    PRICES = "prices"
    PROJECT = "project"
    UPSTREAMS = "upstreams"


class Change(NamedTuple):
    seq: int
    kind: ChangeKind
    object_id: str


class Changes(Protocol):
    """An ordered feed, written in the transaction that makes the change. `seq` grows strictly in commit order."""

    def append(self, kind: ChangeKind, object_id: str) -> int:
        """Returns the seq."""
        ...

    def since(self, seq: int, limit: int = 1000) -> Sequence[Change]: ...
    def head(self) -> int:
        """The greatest seq, 0 if none."""
        ...


# --- what secrets hang on --------------------------------------------------------------------------------------------


class MaterialKind(Enum):
    MASTER_KEY = "master_key"
    PEPPER = "pepper"


class KeyMaterial(NamedTuple):
    """A pepper or master key that lives outside the database, as the database knows it: its id and a fingerprint."""

    id: str
    kind: MaterialKind
    fingerprint: str
    created_at: int


class Materials(Protocol):
    def add(self, material: KeyMaterial) -> None: ...
    def all(self) -> Sequence[KeyMaterial]: ...


# --- reports ---------------------------------------------------------------------------------------------------------


class Width(Enum):
    """Bucket widths in seconds."""

    MINUTE = 60
    HOUR = 3600
    DAY = 86400


class RollupKey(NamedTuple):
    """What a rollup counts apart. `bucket` is the bucket's start (Unix seconds, UTC); absent ids and names are ''. `model` is
    the model answered, or asked where none answered. `pricing` keeps the tokens of unpriced calls apart from the others'."""

    bucket: int
    organization_id: str
    project_id: str
    user_id: str
    service_account_id: str
    key_id: str
    operation: str
    model: str
    upstream: str
    service_tier: str
    outcome: str
    pricing: str


class RollupSums(NamedTuple):
    """What a rollup adds up. `unpriced_requests` counts calls whose cost is unknown; `estimated_requests` those we counted."""

    requests: int
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    input_audio_tokens: int
    output_audio_tokens: int
    cost_input_nanos: int
    cost_cached_nanos: int
    cost_output_nanos: int
    unpriced_requests: int
    estimated_requests: int


class RollupFilter(NamedTuple):
    """Which rollups a report reads: `start` inclusive, `end` exclusive. None does not restrict; an empty tuple allows nothing."""

    organization_id: str
    start: int
    end: int
    project_ids: tuple[str, ...] | None = None
    user_ids: tuple[str, ...] | None = None
    key_ids: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    operations: tuple[str, ...] | None = None


class Rollups(Protocol):
    def apply(self, through_seq: int, sums: Mapping[Width, Mapping[RollupKey, RollupSums]]) -> None:
        """Adds the sums and moves the mark, together: after a crash nothing is added twice and nothing left out.

        Where the mark is at `through_seq` already, or beyond, nothing is added.
        """
        ...

    def mark(self) -> int:
        """The ledger's seq up to which rows are rolled up, 0 if none."""
        ...

    def sum(
        self, width: Width, where: RollupFilter, group_by: tuple[str, ...]
    ) -> Sequence[tuple[RollupKey, RollupSums]]:
        """Sums per bucket and per field of `group_by` (names of RollupKey), ordered by bucket, then by those fields; fields that
        are not grouped are ''."""
        ...


class Refusals(Protocol):
    """A bounded log: at most `keep` entries of an organization, the oldest fall out."""

    def append(self, refusals: Sequence[RefusedCall], keep: int) -> None: ...
    def newest(self, organization_id: str, limit: int = 100) -> Sequence[RefusedCall]: ...


# --- the store -------------------------------------------------------------------------------------------------------


class Transaction(Protocol):
    @property
    def organizations(self) -> Organizations: ...
    @property
    def projects(self) -> Projects: ...
    @property
    def people(self) -> People: ...
    @property
    def service_accounts(self) -> ServiceAccounts: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def upstreams(self) -> Upstreams: ...
    @property
    def prices(self) -> Prices: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def materials(self) -> Materials: ...
    @property
    def rollups(self) -> Rollups: ...
    @property
    def refusals(self) -> Refusals: ...


class LedgerRow(NamedTuple):
    """A row with its place in the ledger: `seq` grows strictly in commit order."""

    seq: int
    row: UsageRow


class Ledger(Protocol):
    """The append-only table of usage rows. Used by one writer thread at a time, and by readers of other threads."""

    def append(self, rows: Sequence[UsageRow]) -> None:
        """Makes the rows durable before it returns: they survive a power cut. A request id that
        is already there is left as it is, however old.

        Raises `LedgerUnavailable` if they could not be written; then none of them is there, or all of them are.
        Raises `RowRefused` if one of them is nothing that the ledger can keep; then none of them is there.
        """
        ...

    def since(self, seq: int, limit: int = 10_000) -> Sequence[LedgerRow]:
        """Committed rows after `seq`, in order."""
        ...

    def contains(self, request_ids: Sequence[str]) -> set[str]:
        """Those of the given ids that have a row."""
        ...

    def get(self, request_id: str) -> LedgerRow | None: ...


class LedgerUnavailable(Exception):  # noqa: N818 - named for what it means to the caller
    """Usage rows cannot be written: the disk is full or failing, or the database is away."""


class RowRefused(Exception):  # noqa: N818 - as above
    """A usage row contradicts the ledger's columns: waiting will not cure it, and rows beside it can be written without it."""


class Store(Protocol):
    """An opened house. Safe to use from several threads."""

    @property
    def ledger(self) -> Ledger: ...

    def write(self) -> AbstractContextManager[Transaction]: ...
    def read(self) -> AbstractContextManager[Transaction]:
        """A snapshot: all its reads see the same moment."""
        ...

    def backup(self, folder: Path) -> None:
        """A consistent copy of everything into an empty folder, while others write: what is rolled up is in the copied ledger."""
        ...

    def close(self) -> None: ...


class Sealer(Protocol):
    """Encrypts small secrets at rest under the current master key; what is sealed opens only under the same `context`."""

    def seal(self, plain: bytes, context: str) -> bytes: ...
    def open(self, sealed: bytes, context: str) -> bytes: ...


class SchemaError(Exception):
    """The database's schema is not one this Keyhouse can use; the message is the sentence to print."""
