"""Roles of the organization and of projects: those that are predefined, and those that somebody made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from keyhouse.control import role_fields
from keyhouse.control.authority import needs, require_to_hold
from keyhouse.control.context import Caller, Control
from keyhouse.control.cursors import Place, cut
from keyhouse.control.events import event
from keyhouse.control.lookup import require_open_project, require_project, roles_changed
from keyhouse.domain import ids
from keyhouse.domain.audit import AuditEvent, EventType
from keyhouse.domain.authority import PREDEFINED, Permission, Role, RoleKind, predefined_role
from keyhouse.domain.errors import ErrorCode, KeyhouseError, not_found, shown
from keyhouse.store.contract import Listed, Page, Transaction

MAX_ROLES = 500
"""Roles that may be made in the organization, and in each project."""


@needs(Permission.PROJECT_ROLES_READ, organization=Permission.ROLES_READ)
def list_page(
    control: Control,
    caller: Caller,
    project_id: str | None,
    *,
    after: str | None = None,
    limit: int = 1000,
    newest_first: bool = False,
) -> Listed[Role]:
    """Roles of a project, or (None) of the organization: the predefined ones, then the others, oldest first."""
    with control.store.read() as tx:
        found = all_roles(tx, caller, project_id)
    return cut(found, _place, Page(after, limit, newest_first))


@needs(Permission.PROJECT_ROLES_WRITE, organization=Permission.ROLES_WRITE)
def create(control: Control, caller: Caller, project_id: str | None, given: Mapping[str, object]) -> Role:
    """A role that grants some of what the caller holds: `{role_name, permissions, description}`."""
    now, kind = control.clock(), _kind(project_id)
    name, description, permissions = role_fields.new(given, kind)
    require_to_hold(caller, permissions, project_id, param="permissions")
    with control.store.write() as tx:
        _require_open(tx, caller, project_id)
        others = all_roles(tx, caller, project_id)
        _refuse_crowd(others)
        _refuse_twin(others, name)
        role = Role(
            id=ids.new_id(ids.ROLE),
            name=name,
            kind=kind,
            permissions=permissions,
            description=description,
            organization_id=caller.organization_id,
            project_id=project_id,
            created_at=now,
            updated_at=now,
            created_by=caller.actor.user_id,
        )
        tx.roles.add(role)
        tx.audit.append(_event(caller, now, EventType.ROLE_CREATED, role, _made(role)))
    return role


@needs(Permission.PROJECT_ROLES_READ, organization=Permission.ROLES_READ)
def show(control: Control, caller: Caller, project_id: str | None, role_id: str) -> Role:
    """One role. Raises `not_found`."""
    with control.store.read() as tx:
        return require_role(tx, caller, project_id, role_id)


@needs(Permission.PROJECT_ROLES_READ, organization=Permission.ROLES_READ)
def find(control: Control, caller: Caller, project_id: str | None, text: str) -> Role:
    """The role with this id or name."""
    with control.store.read() as tx:
        found = [role for role in all_roles(tx, caller, project_id) if text in {role.id, role.name}]
    if not found:
        raise not_found("role", text)
    return found[0]


@needs(Permission.PROJECT_ROLES_WRITE, organization=Permission.ROLES_WRITE)
def update(control: Control, caller: Caller, project_id: str | None, role_id: str, given: Mapping[str, object]) -> Role:
    """Changes what is given, for everybody who holds the role, from their next call on. What it grants more, the caller holds."""
    now = control.clock()
    wanted: dict[str, Any] = role_fields.changed(given, _kind(project_id))
    with control.store.write() as tx:
        _require_open(tx, caller, project_id)
        before = _require_made(tx, caller, project_id, role_id)
        role = replace(before, **wanted, updated_at=now)
        require_to_hold(caller, role.permissions - before.permissions, project_id, param="permissions")
        _refuse_twin([other for other in all_roles(tx, caller, project_id) if other.id != role_id], role.name)
        tx.roles.save(role)
        tx.audit.append(_event(caller, now, EventType.ROLE_UPDATED, role, _changes(before, role)))
        seq = roles_changed(tx, caller) if "permissions" in wanted else None
    if seq is not None:
        control.announce(seq)
    return role


@needs(Permission.PROJECT_ROLES_WRITE, organization=Permission.ROLES_WRITE)
def delete(control: Control, caller: Caller, project_id: str | None, role_id: str) -> Role:
    """Takes a role from everybody who holds it, and forgets it."""
    now = control.clock()
    with control.store.write() as tx:
        role = _require_made(tx, caller, project_id, role_id)
        tx.roles.remove(caller.organization_id, role.id)
        tx.audit.append(_event(caller, now, EventType.ROLE_DELETED, role, {}))
        seq = roles_changed(tx, caller)
    control.announce(seq)
    return role


def all_roles(tx: Transaction, caller: Caller, project_id: str | None) -> list[Role]:
    """Every role that can be held in a project, or (None) in the organization. Raises `not_found` for the project."""
    if project_id is not None:
        require_project(tx, caller, project_id)
    predefined = [role for role in PREDEFINED if role.kind is _kind(project_id)]
    return [*predefined, *tx.roles.all(caller.organization_id, project_id)]


def require_role(tx: Transaction, caller: Caller, project_id: str | None, role_id: str) -> Role:
    """A role that can be held there. Raises `not_found`."""
    if project_id is not None:
        require_project(tx, caller, project_id)
    role = predefined_role(role_id) or tx.roles.get(caller.organization_id, role_id)
    if role is None or role.kind is not _kind(project_id) or (not role.predefined and role.project_id != project_id):
        raise not_found("role", role_id)
    return role


def resource(caller: Caller, project_id: str | None) -> dict[str, object]:
    """Where a role is held, as OpenAI's audit log tells it."""
    return {"resource_type": _kind(project_id).value, "resource_id": project_id or caller.organization_id}


def _place(role: Role) -> Place:
    """The predefined ones first, in their order."""
    return (0, PREDEFINED.index(role), role.id) if role.predefined else (1, role.created_at or 0, role.id)


def _kind(project_id: str | None) -> RoleKind:
    return RoleKind.ORGANIZATION if project_id is None else RoleKind.PROJECT


def _require_open(tx: Transaction, caller: Caller, project_id: str | None) -> None:
    if project_id is not None:
        require_open_project(tx, caller, project_id)


def _require_made(tx: Transaction, caller: Caller, project_id: str | None, role_id: str) -> Role:
    role = require_role(tx, caller, project_id, role_id)
    if role.predefined:
        message = f"'{role.id}' is a predefined role: it can be neither changed nor deleted."
        raise KeyhouseError(ErrorCode.CONFLICT, message, param="role_id")
    return role


def _refuse_crowd(others: Sequence[Role]) -> None:
    if sum(not role.predefined for role in others) >= MAX_ROLES:
        message = f"There are {MAX_ROLES} roles here already, as many as may be made; delete one first."
        raise KeyhouseError(ErrorCode.CONFLICT, message)


def _refuse_twin(others: Sequence[Role], name: str) -> None:
    if any(other.name.casefold() == name.casefold() for other in others):
        message = f"There is a role named '{shown(name)}' here already."
        raise KeyhouseError(ErrorCode.CONFLICT, message, param="role_name")


def _made(role: Role) -> dict[str, object]:
    return {"role_name": role.name, "permissions": role.words}


def _changes(before: Role, after: Role) -> dict[str, object]:
    changes: dict[str, object] = {}
    if after.name != before.name:
        changes["role_name"] = after.name
    if after.description != before.description:
        changes["description"] = after.description or ""
    if after.permissions != before.permissions:
        changes["permissions_added"] = sorted(p.value for p in after.permissions - before.permissions)
        changes["permissions_removed"] = sorted(p.value for p in before.permissions - after.permissions)
    return changes


def _event(caller: Caller, now: int, type_: EventType, role: Role, details: dict[str, object]) -> AuditEvent:
    place = resource(caller, role.project_id)
    if type_ is EventType.ROLE_CREATED:
        details = {**details, **place}
    elif type_ is EventType.ROLE_UPDATED:
        details = {"changes_requested": {**details, **place}}
    return event(caller, now, type_, role.id, project_id=role.project_id, details=details)
