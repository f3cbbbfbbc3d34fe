"""Keys as people see them: with their status now and who holds them."""

from __future__ import annotations

from dataclasses import dataclass, field

from keyhouse.control.budget_fields import SPEND_LIMIT
from keyhouse.domain.budgets import Budget
from keyhouse.domain.keys import Key, KeyKind, KeyStatus
from keyhouse.store.contract import Transaction


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a key. `kind` is `user` or `service_account`; `has_access` whether it still belongs to the project."""

    kind: str
    id: str
    name: str
    role: str
    created_at: int
    has_access: bool
    email: str | None = None


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key at one moment. It holds digests and redacted forms, never a secret."""

    key: Key
    status: KeyStatus
    owner: Owner
    spend_limit: Budget | None = None
    tags: dict[str, str] = field(default_factory=dict)


def view(tx: Transaction, key: Key, now: int) -> KeyView:
    """The key with its owner and its status at `now` (Unix seconds)."""
    spend_limit = tx.budgets.by_name(key.organization_id, key.id, SPEND_LIMIT)
    return KeyView(key, key.status(now), _owner(tx, key), spend_limit, tx.tags.get(key.organization_id, key.id))


def _owner(tx: Transaction, key: Key) -> Owner:
    if key.kind is KeyKind.SERVICE_ACCOUNT:
        return _service_account(tx, key)
    found = tx.people.get(key.organization_id, key.user_id or "")
    if found is None:
        return Owner("user", key.user_id or "", "", "none", key.created_at, has_access=False)
    person, member = found
    return Owner("user", person.id, person.name, member.role.value, person.created_at, True, person.email)


def _service_account(tx: Transaction, key: Key) -> Owner:
    project_id, account_id = key.project_id or "", key.service_account_id or ""
    account = tx.service_accounts.get(key.organization_id, project_id, account_id, include_deleted=True)
    if account is None:
        return Owner("service_account", account_id, "", "none", key.created_at, has_access=False)
    active = account.deleted_at is None
    role = account.role if active else "none"
    return Owner("service_account", account.id, account.name, role, account.created_at, has_access=active)
