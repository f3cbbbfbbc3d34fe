"""Facts that control writes: organizations, projects, people, keys, upstreams and prices."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from keyhouse.domain.budgets import Budget
from keyhouse.domain.data_retention import Retention
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.keys import Key, KeyKind, KeySecret
from keyhouse.domain.model_permissions import ModelPermissions
from keyhouse.domain.money import Price
from keyhouse.domain.projects import Organization, Project, ServiceAccount
from keyhouse.domain.upstreams import Upstream

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """A cut of a list: up to `limit` (0 to 1,000) items that follow `after`, or end just before `before`, in the list's order.

    The two exclude each other. Each is the id of an item, which may be deleted since where the list says so, or a
    `Listed.next`; another one raises `invalid_value` naming it. `newest_first` turns lists round that are oldest first.
    """

    after: str | None = None
    limit: int = 20
    newest_first: bool = False
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """One page. `has_more`: whether there are items behind it (before it, for a page that ends before a cursor).

    `next`: in lists that are continued so, the place behind the last item, which lasts even if the item does not.
    """

    items: tuple[T, ...]
    has_more: bool
    next: str | None = None


class Organizations(Protocol):
    """Names are unique in the house. The one that was added first is the house's own: it runs the house."""

    def add(self, organization: Organization) -> None: ...
    def get(self, organization_id: str) -> Organization | None: ...
    def first(self) -> Organization | None:
        """The house's own; None in a house that is not initialised."""
        ...

    def save(self, organization: Organization) -> None: ...
    def all(self) -> Sequence[Organization]:
        """In the order in which they were added."""
        ...


class Projects(Protocol):
    def add(self, project: Project) -> None: ...
    def get(self, organization_id: str, project_id: str) -> Project | None: ...
    def save(self, project: Project) -> None: ...
    def list(
        self,
        organization_id: str,
        page: Page,
        *,
        include_archived: bool = False,
        only: Collection[str] | None = None,
    ) -> Listed[Project]:
        """`only`: none but these."""
        ...


class ServiceAccounts(Protocol):
    """Deleted accounts stay for the history; `list` does not return them, `get` only where they are asked for."""

    def add(self, account: ServiceAccount) -> None: ...
    def get(
        self, organization_id: str, project_id: str, account_id: str, *, include_deleted: bool = False
    ) -> ServiceAccount | None: ...
    def some(self, organization_id: str, account_ids: Sequence[str]) -> Mapping[str, ServiceAccount]:
        """These accounts by their ids, deleted ones too. Read in few statements, however many."""
        ...

    def save(self, account: ServiceAccount) -> None: ...
    def list(self, organization_id: str, project_id: str, page: Page) -> Listed[ServiceAccount]: ...


class KeyFilter(NamedTuple):
    """Which keys a list shows; never deleted ones. None does not restrict; `project_id` None with kind ADMIN lists the
    organization's admin keys."""

    project_id: str | None = None
    kinds: tuple[KeyKind, ...] | None = None
    service_account_id: str | None = None
    owner_has_access: bool | None = None
    """Whether the key's owner still is in the organization, or the service account is not deleted. Who left is known by the event
    `user.deleted`."""
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What a call needs to know about a secret, read in one go: its key with all secrets and budgets, and the project's state."""

    key: Key
    secret: KeySecret
    project_archived: bool
    budgets: tuple[Budget, ...] = ()
    model_permissions: ModelPermissions | None = None
    """The project's."""
    denied_tools: tuple[HostedTool, ...] = ()
    """The project's."""
    may_have_keys: bool = True
    """False for a person's key whose person has no role that lets them have keys in the project."""
    retention: Retention = Retention.NONE
    """What is in force for the calls of the key."""


class Keys(Protocol):
    def add(self, key: Key) -> None:
        """Stores the key and its secrets."""
        ...

    def get(self, organization_id: str, key_id: str) -> Key | None:
        """The key with its secrets, newest first; a deleted one too."""
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

    def last_used(self, organization_id: str, user_ids: Sequence[str]) -> Mapping[str, int]:
        """When a key of each of these people was last used; who never used one is not in it."""
        ...

    def touch(self, last_used: Mapping[str, int]) -> None:
        """Raises `last_used_at` of each key id to the given time; never lowers it."""
        ...


class Upstreams(Protocol):
    """Names are unique in an organization. Upstreams are deleted for good."""

    def add(self, upstream: Upstream) -> None: ...
    def get(self, organization_id: str, upstream_id: str) -> Upstream | None: ...
    def by_name(self, organization_id: str, name: str) -> Upstream | None: ...
    def save(self, upstream: Upstream) -> None: ...
    def remove(self, upstream_id: str) -> None: ...
    def list(self, organization_id: str, page: Page) -> Listed[Upstream]: ...
    def all(self) -> Sequence[Upstream]:
        """Every organization's, in the order in which they were added."""
        ...


class Prices(Protocol):
    """Versions are only ever added. A model's price at a time is its version with the greatest `effective_at` not after it;
    of two with the same `effective_at` the one added later counts."""

    def add(self, prices: Iterable[Price]) -> None: ...
    def get(self, price_id: str) -> Price | None: ...
    def versions(self, model: str | None = None) -> Sequence[Price]:
        """Every version (of one model, or of all), ordered by model, effective_at, then the order of adding."""
        ...
