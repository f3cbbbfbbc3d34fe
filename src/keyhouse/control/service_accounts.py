"""Service accounts: callers that are no person, each in one project, with keys of their own.

A role is an account's place in its project: owner or member, as a person's, or none. It changes nothing of what its keys may do:
they call models, each within its own permissions, and the administration API refuses them whatever the role is. It is guarded
all the same, so that nobody has prepared what they do not hold themselves for the day on which an account is let in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from keyhouse.control import fields
from keyhouse.control.authority import needs, require_to_hold
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.control.lookup import require_open_project, require_project, require_service_account
from keyhouse.control.minting import Holder, Minted, mint_key
from keyhouse.control.pages import every
from keyhouse.domain import ids
from keyhouse.domain import keys as life
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import PROJECT_MEMBER, PROJECT_OWNER, Permission
from keyhouse.domain.errors import invalid
from keyhouse.domain.keys import Key, KeyKind
from keyhouse.domain.projects import ServiceAccount
from keyhouse.store.contract import ChangeKind, KeyFilter, Listed, Page, Transaction

FIRST_KEY_NAME = "Secret Key"
NO_ROLE = "none"
ROLES = {role.name: role for role in (PROJECT_OWNER, PROJECT_MEMBER)}
"""What can be asked for; an account that was made alone begins with none."""


@dataclass(frozen=True, slots=True)
class AccountCreated:
    """A new service account; its first key and the only full copy of its secret, unless none was wanted."""

    account: ServiceAccount
    key: Key | None = None
    value: str | None = field(default=None, repr=False)


@needs(Permission.SERVICE_ACCOUNTS_WRITE)
def create(
    control: Control, caller: Caller, project_id: str, name: object, *, role: object = UNSET, with_key: bool = True
) -> AccountCreated:
    """A new service account, a member with a key that may call every operation in its project; without one, and of no role, where
    `with_key` is False. A `role` that is given is its role in either case, and grants no more than the caller holds."""
    now = control.clock()
    account_id = ids.new_id(ids.SERVICE_ACCOUNT)
    as_what = _role(role) if role is not UNSET else PROJECT_MEMBER.name if with_key else NO_ROLE
    account = ServiceAccount(account_id, caller.organization_id, project_id, fields.name(name), as_what, now)
    require_to_hold(caller, _granted(as_what), project_id, param="role")
    minted = _first_key(control, account) if with_key else None
    details: dict[str, object] = {"data": {"role": account.role, "name": account.name}}
    with control.store.write() as tx:
        require_open_project(tx, caller, project_id)
        tx.service_accounts.add(account)
        tx.audit.append(
            event(caller, now, EventType.SERVICE_ACCOUNT_CREATED, account_id, project_id=project_id, details=details)
        )
        if minted is None:
            return AccountCreated(account)
        key = minted.key
        of_key: dict[str, object] = {"data": {"scopes": key.permissions.scopes, "name": key.name}}
        tx.keys.add(key)
        tx.audit.append(event(caller, now, EventType.API_KEY_CREATED, key.id, project_id=project_id, details=of_key))
    return AccountCreated(account, key, minted.value)


@needs(Permission.SERVICE_ACCOUNTS_READ)
def list_page(
    control: Control,
    caller: Caller,
    project_id: str,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 20,
    newest_first: bool = False,
) -> Listed[ServiceAccount]:
    """Service accounts of a project, oldest first unless said otherwise, without deleted ones."""
    with control.store.read() as tx:
        require_project(tx, caller, project_id)
        return tx.service_accounts.list(caller.organization_id, project_id, Page(after, limit, newest_first, before))


@needs(Permission.SERVICE_ACCOUNTS_READ)
def show(control: Control, caller: Caller, project_id: str, account_id: str) -> ServiceAccount:
    """One service account that is not deleted."""
    with control.store.read() as tx:
        return require_service_account(tx, caller, project_id, account_id)


@needs(Permission.SERVICE_ACCOUNTS_WRITE)
def update(
    control: Control,
    caller: Caller,
    project_id: str,
    account_id: str,
    *,
    name: object = UNSET,
    role: object = UNSET,
) -> ServiceAccount:
    """Gives the account another name or role. A role is given and taken by who holds what both grant, the old and the new."""
    now = control.clock()
    wanted: dict[str, Any] = {} if name is UNSET else {"name": fields.name(name)}
    if role is not UNSET:
        wanted["role"] = _role(role)
    if not wanted:
        raise invalid("name", "Give something to change: name or role.")
    details: dict[str, object] = {"changes_requested": wanted}
    with control.store.write() as tx:
        require_open_project(tx, caller, project_id)
        before = require_service_account(tx, caller, project_id, account_id)
        account = replace(before, **wanted)
        at_stake = _granted(before.role) | _granted(account.role)
        require_to_hold(caller, at_stake if account.role != before.role else (), project_id, param="role")
        tx.service_accounts.save(account)
        tx.audit.append(
            event(caller, now, EventType.SERVICE_ACCOUNT_UPDATED, account_id, project_id=project_id, details=details)
        )
    return account


@needs(Permission.SERVICE_ACCOUNTS_WRITE)
def delete(control: Control, caller: Caller, project_id: str, account_id: str) -> None:
    """Deletes the account and revokes its keys: each is refused once this returns."""
    now = control.clock()
    with control.store.write() as tx:
        account = require_service_account(tx, caller, project_id, account_id)
        seq = 0
        for key in _keys(tx, account):
            tx.keys.save(life.revoked(key, now))
            tx.audit.append(event(caller, now, EventType.API_KEY_DELETED, key.id, project_id=project_id))
            seq = tx.changes.append(ChangeKind.KEY, key.id)
        tx.service_accounts.save(replace(account, deleted_at=now))
        tx.audit.append(event(caller, now, EventType.SERVICE_ACCOUNT_DELETED, account_id, project_id=project_id))
    if seq:
        control.announce(seq)


def _role(value: object) -> str:
    if not isinstance(value, str) or value not in ROLES:
        raise invalid("role", f"'role' must be one of: {', '.join(ROLES)}.")
    return value


def _granted(role: str) -> frozenset[Permission]:
    return ROLES[role].permissions if role in ROLES else frozenset()


def _first_key(control: Control, account: ServiceAccount) -> Minted:
    holder = Holder(KeyKind.SERVICE_ACCOUNT, account.project_id, service_account_id=account.id)
    return mint_key(control, account.organization_id, holder, account.created_at, name=FIRST_KEY_NAME)


def _keys(tx: Transaction, account: ServiceAccount) -> list[Key]:
    where = KeyFilter(account.project_id, (KeyKind.SERVICE_ACCOUNT,), account.id)
    return list(every(lambda cut: tx.keys.list(account.organization_id, where, cut), lambda key: key.id))
