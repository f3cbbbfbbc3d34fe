"""Keys as people see them: with their status now and who holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from keyhouse.control.budget_fields import SPEND_LIMIT
from keyhouse.domain.budgets import Budget
from keyhouse.domain.keys import Key, KeyKind, KeyStatus
from keyhouse.domain.people import Member, Person
from keyhouse.domain.projects import ServiceAccount
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
    return views(tx, [key], now)[0]


def views(tx: Transaction, keys: Sequence[Key], now: int) -> tuple[KeyView, ...]:
    """Keys of one organization, in this order. What stands beside them is read in few statements, however many they are."""
    if not keys:
        return ()
    organization_id, ids = keys[0].organization_id, [key.id for key in keys]
    limits, tags = tx.budgets.named(organization_id, ids, SPEND_LIMIT), tx.tags.of(organization_id, ids)
    people = tx.people.some(organization_id, _distinct(key.user_id for key in keys))
    accounts = tx.service_accounts.some(organization_id, _distinct(key.service_account_id for key in keys))
    return tuple(
        KeyView(
            key,
            key.status(now),
            _account(key, accounts.get(key.service_account_id or ""))
            if key.kind is KeyKind.SERVICE_ACCOUNT
            else _person(key, people.get(key.user_id or "")),
            limits.get(key.id),
            tags.get(key.id, {}),
        )
        for key in keys
    )


def _distinct(ids: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(found for found in ids if found is not None))


def _person(key: Key, found: tuple[Person, Member] | None) -> Owner:
    if found is None:
        return Owner("user", key.user_id or "", "", "none", key.created_at, has_access=False)
    person, member = found
    return Owner("user", person.id, person.name, member.role.value, person.created_at, True, person.email)


def _account(key: Key, account: ServiceAccount | None) -> Owner:
    if account is None:
        return Owner("service_account", key.service_account_id or "", "", "none", key.created_at, has_access=False)
    active = account.deleted_at is None
    role = account.role if active else "none"
    return Owner("service_account", account.id, account.name, role, account.created_at, has_access=active)
