"""Groups in a project: a group is in it while it holds a role there."""

from __future__ import annotations

from dataclasses import dataclass

from keyhouse.control.authority import needs, require_to_hold
from keyhouse.control.context import Caller, Control
from keyhouse.control.cursors import cut
from keyhouse.control.events import event
from keyhouse.control.lookup import require_open_project, require_project, roles_changed
from keyhouse.control.roles import require_role, resource
from keyhouse.domain.audit import AuditEvent, EventType
from keyhouse.domain.authority import Permission, predefined_role
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, not_found, shown
from keyhouse.domain.people import Group, PrincipalKind, RoleAssignment
from keyhouse.store.contract import Listed, Page, Transaction


@dataclass(frozen=True, slots=True)
class Placed:
    """A group in a project, since when (Unix seconds), and the ids of the roles that it holds there."""

    group: Group
    project_id: str
    since: int
    role_ids: tuple[str, ...]


@needs(Permission.PROJECT_USERS_READ)
def list_page(
    control: Control,
    caller: Caller,
    project_id: str,
    *,
    after: str | None = None,
    limit: int = 20,
    newest_first: bool = False,
) -> Listed[Placed]:
    """Groups of the project, oldest first unless said otherwise."""
    with control.store.read() as tx:
        require_project(tx, caller, project_id)
        found = _all(tx, caller, project_id)
    return cut(found, lambda placed: (0, placed.since, placed.group.id), Page(after, limit, newest_first))


@needs(Permission.PROJECT_USERS_READ)
def show(control: Control, caller: Caller, project_id: str, group_id: str) -> Placed:
    """One group of the project. Raises `not_found` for one that holds no role there."""
    with control.store.read() as tx:
        require_project(tx, caller, project_id)
        return _require(tx, caller, project_id, group_id)


@needs(Permission.PROJECT_USERS_WRITE)
def add(control: Control, caller: Caller, project_id: str, group_id: object, role_id: object) -> Placed:
    """Gives a group a role of the project, named by its id: no more than the caller holds. Another role adds to the first."""
    now = control.clock()
    for param, value in (("group_id", group_id), ("role", role_id)):
        if not isinstance(value, str):
            raise invalid(param, f"'{param}' must be an id.")
    with control.store.write() as tx:
        require_open_project(tx, caller, project_id)
        if tx.groups.get(caller.organization_id, str(group_id)) is None:
            message = f"No group with id '{shown(str(group_id))}' was found."
            raise KeyhouseError(ErrorCode.NOT_FOUND, message, param="group_id")
        role = require_role(tx, caller, project_id, str(role_id))
        require_to_hold(caller, role.permissions, project_id, param="role")
        given = RoleAssignment(
            caller.organization_id, PrincipalKind.GROUP, str(group_id), role.id, now, project_id, caller.actor.user_id
        )
        tx.role_assignments.add(given)
        tx.audit.append(_event(caller, now, EventType.ROLE_ASSIGNMENT_CREATED, given))
        seq, placed = roles_changed(tx, caller), _require(tx, caller, project_id, str(group_id))
    control.announce(seq)
    return placed


@needs(Permission.PROJECT_USERS_WRITE)
def remove(control: Control, caller: Caller, project_id: str, group_id: str) -> Placed:
    """Takes every role that a group holds in the project."""
    now = control.clock()
    with control.store.write() as tx:
        require_project(tx, caller, project_id)
        placed = _require(tx, caller, project_id, group_id)
        for role_id in placed.role_ids:
            role = predefined_role(role_id) or tx.roles.get(caller.organization_id, role_id)
            require_to_hold(caller, role.permissions if role else (), project_id, param="group_id")
            gone = RoleAssignment(caller.organization_id, PrincipalKind.GROUP, group_id, role_id, now, project_id)
            tx.role_assignments.remove(gone)
            tx.audit.append(_event(caller, now, EventType.ROLE_ASSIGNMENT_DELETED, gone))
        seq = roles_changed(tx, caller)
    control.announce(seq)
    return placed


def _all(tx: Transaction, caller: Caller, project_id: str) -> list[Placed]:
    held: dict[str, list[RoleAssignment]] = {}
    for row in tx.role_assignments.of_groups(caller.organization_id, project_id):
        held.setdefault(row.principal_id, []).append(row)
    found: list[Placed] = []
    for group_id, rows in held.items():
        group = tx.groups.get(caller.organization_id, group_id)
        if group is not None:
            found.append(Placed(group, project_id, rows[0].created_at, tuple(row.role_id for row in rows)))
    return found


def _require(tx: Transaction, caller: Caller, project_id: str, group_id: str) -> Placed:
    for placed in _all(tx, caller, project_id):
        if placed.group.id == group_id:
            return placed
    raise not_found("group in this project", group_id)


def _event(caller: Caller, now: int, type_: EventType, item: RoleAssignment) -> AuditEvent:
    who = {"principal_id": item.principal_id, "principal_type": item.principal.value}
    details = {**who, **resource(caller, item.project_id)}
    return event(caller, now, type_, item.role_id, project_id=item.project_id, details=details)
