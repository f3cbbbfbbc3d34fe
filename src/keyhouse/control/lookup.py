"""Finding what a verb is about, in the caller's organization; what is not there is 404, another organization's too."""

from __future__ import annotations

from dataclasses import replace

from keyhouse.control.context import Caller
from keyhouse.control.minting import Holder
from keyhouse.domain.errors import ErrorCode, KeyhouseError, not_found
from keyhouse.domain.keys import Key, KeyKind
from keyhouse.domain.people import Group, Member, Person
from keyhouse.domain.projects import Organization, Project, ServiceAccount
from keyhouse.store.contract import ChangeKind, Transaction


def require_organization(tx: Transaction, caller: Caller) -> Organization:
    """The caller's own."""
    organization = tx.organizations.get(caller.organization_id)
    if organization is None:
        raise not_found("organization", caller.organization_id)
    return organization


def roles_changed(tx: Transaction, caller: Caller) -> int:
    """To be announced: somebody holds other roles now, by which the keys of people are judged again. Returns the change's seq."""
    return tx.changes.append(ChangeKind.ORGANIZATION, caller.organization_id)


def require_project(tx: Transaction, caller: Caller, project_id: str) -> Project:
    project = tx.projects.get(caller.organization_id, project_id)
    if project is None:
        raise not_found("project", project_id)
    return project


def require_open_project(tx: Transaction, caller: Caller, project_id: str) -> Project:
    """A project that is not archived. Raises `conflict` for an archived one."""
    project = require_project(tx, caller, project_id)
    if project.archived_at is not None:
        message = f"Project '{project.id}' is archived; nothing in it can be created or changed."
        raise KeyhouseError(ErrorCode.CONFLICT, message)
    return project


def require_service_account(tx: Transaction, caller: Caller, project_id: str, account_id: str) -> ServiceAccount:
    require_project(tx, caller, project_id)
    account = tx.service_accounts.get(caller.organization_id, project_id, account_id)
    if account is None:
        raise not_found("service account", account_id)
    return account


def require_key(
    tx: Transaction, caller: Caller, project_id: str | None, key_id: str, *, deleted_too: bool = False
) -> Key:
    """A key of this project, or (None) an admin key."""
    if project_id is not None:
        require_project(tx, caller, project_id)
    key = tx.keys.get(caller.organization_id, key_id)
    if key is None or key.project_id != project_id or (key.deleted_at is not None and not deleted_too):
        raise not_found("admin key" if project_id is None else "key", key_id)
    return key


def require_person(tx: Transaction, caller: Caller, user_id: str) -> tuple[Person, Member]:
    found = tx.people.get(caller.organization_id, user_id)
    if found is None:
        raise not_found("person", user_id)
    return found


def require_group(tx: Transaction, caller: Caller, group_id: str) -> Group:
    group = tx.groups.get(caller.organization_id, group_id)
    if group is None:
        raise not_found("group", group_id)
    return group


def resolved_holder(tx: Transaction, caller: Caller, holder: Holder) -> Holder:
    """The holder of a new key, checked to exist; a person's key that names nobody is its creator's, or the first owner's."""
    if holder.project_id is not None:
        require_open_project(tx, caller, holder.project_id)
    if holder.kind is KeyKind.SERVICE_ACCOUNT:
        require_service_account(tx, caller, holder.project_id or "", holder.service_account_id or "")
        return holder
    user_id = holder.user_id or caller.actor.user_id or _first_owner(tx, caller)
    if tx.people.get(caller.organization_id, user_id) is None:
        raise not_found("person", user_id)
    return replace(holder, user_id=user_id)


def _first_owner(tx: Transaction, caller: Caller) -> str:
    owners = tx.people.owners(caller.organization_id)
    if not owners:
        raise KeyhouseError(ErrorCode.CONFLICT, "The organization has no owner whom the key could belong to.")
    return owners[0][0].id
