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

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from keyhouse.domain.limits import RateLimitRule
from keyhouse.store.contract.audit import EVERY_EVENT, Anchor, AuditFilter, AuditKeys, AuditLog, Seal, SettingsSeen
from keyhouse.store.contract.billing import BillingProfiles, CreditGrants, Invoices, Tags
from keyhouse.store.contract.budgets import Budgets, ScopeFilter, SpendAlerts
from keyhouse.store.contract.certificates import Certificates
from keyhouse.store.contract.changes import Change, ChangeKind, Changes, KeyMaterial, MaterialKind, Materials
from keyhouse.store.contract.day_counts import DayCell, DayCounts
from keyhouse.store.contract.facts import (
    KeyFilter,
    KeyRing,
    Keys,
    Listed,
    Organizations,
    Page,
    Prices,
    Projects,
    ServiceAccounts,
    Upstreams,
)
from keyhouse.store.contract.idempotency import IdempotencyClaims
from keyhouse.store.contract.ledger import (
    BALANCES_KEPT_SECONDS,
    MOST_NANOS,
    Balance,
    DaySum,
    Ledger,
    LedgerRow,
    LedgerUnavailable,
    Recount,
    RowRefused,
)
from keyhouse.store.contract.limits import IncreaseRequests, RateLimitRules
from keyhouse.store.contract.notices import Notices, WebhookSecrets
from keyhouse.store.contract.people import Groups, Invites, People, ProjectMembers, RoleAssignments, Roles
from keyhouse.store.contract.reports import Refusals, RollupFilter, RollupKey, Rollups, RollupSums, Width

__all__ = [
    "BALANCES_KEPT_SECONDS",
    "EVERY_EVENT",
    "MOST_NANOS",
    "Anchor",
    "AuditFilter",
    "AuditKeys",
    "AuditLog",
    "Balance",
    "BillingProfiles",
    "Budgets",
    "Certificates",
    "Change",
    "ChangeKind",
    "Changes",
    "CreditGrants",
    "DayCell",
    "DayCounts",
    "DaySum",
    "Groups",
    "IdempotencyClaims",
    "IncreaseRequests",
    "Invites",
    "Invoices",
    "KeyFilter",
    "KeyMaterial",
    "KeyRing",
    "Keys",
    "Ledger",
    "LedgerRow",
    "LedgerUnavailable",
    "Listed",
    "MaterialKind",
    "Materials",
    "Notices",
    "Organizations",
    "Page",
    "People",
    "Prices",
    "ProjectMembers",
    "Projects",
    "RateLimitRule",
    "RateLimitRules",
    "Recount",
    "Refusals",
    "RoleAssignments",
    "Roles",
    "RollupFilter",
    "RollupKey",
    "RollupSums",
    "Rollups",
    "RowRefused",
    "SchemaError",
    "ScopeFilter",
    "Seal",
    "Sealer",
    "ServiceAccounts",
    "SettingsSeen",
    "SpendAlerts",
    "Store",
    "Tags",
    "Transaction",
    "Upstreams",
    "WebhookSecrets",
    "Width",
]


class Transaction(Protocol):
    @property
    def organizations(self) -> Organizations: ...
    @property
    def projects(self) -> Projects: ...
    @property
    def people(self) -> People: ...
    @property
    def project_members(self) -> ProjectMembers: ...
    @property
    def groups(self) -> Groups: ...
    @property
    def invites(self) -> Invites: ...
    @property
    def roles(self) -> Roles: ...
    @property
    def role_assignments(self) -> RoleAssignments: ...
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
    @property
    def day_counts(self) -> DayCounts: ...
    @property
    def rate_limits(self) -> RateLimitRules: ...
    @property
    def increases(self) -> IncreaseRequests: ...
    @property
    def budgets(self) -> Budgets: ...
    @property
    def spend_alerts(self) -> SpendAlerts: ...
    @property
    def certificates(self) -> Certificates: ...

    @property
    def idempotency(self) -> IdempotencyClaims: ...
    @property
    def billing_profiles(self) -> BillingProfiles: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def credit_grants(self) -> CreditGrants: ...
    @property
    def tags(self) -> Tags: ...
    @property
    def notices(self) -> Notices: ...
    @property
    def webhook_secrets(self) -> WebhookSecrets: ...
    @property
    def settings(self) -> SettingsSeen: ...


class Store(Protocol):
    """An opened house. Safe to use from several threads."""

    @property
    def ledger(self) -> Ledger: ...

    def write(self) -> AbstractContextManager[Transaction]: ...
    def read(self) -> AbstractContextManager[Transaction]:
        """A snapshot: all its reads see the same moment."""
        ...

    def seal_audit(self, keys: AuditKeys, on_sealed: Callable[[Seal], None]) -> None:
        """From here on a transaction's audit events are sealed in it, and `on_sealed` is given each new head once it is
        committed. What was there before the first seal is sealed at once."""
        ...

    def last_change(self) -> int:
        """The number of the last change that is committed, 0 if there is none: what is asked all the time."""
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
