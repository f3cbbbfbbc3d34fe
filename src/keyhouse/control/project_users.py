"""People in a project: who is in it, as what, and what becomes of their keys there when they leave."""

from __future__ import annotations

from keyhouse.control.authority import needs, require_to_hold
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.control.leaving import disable_keys
from keyhouse.control.lookup import require_open_project, require_project, roles_changed
from keyhouse.control.people import email as checked_email
from keyhouse.domain.audit import AuditEvent, EventType
from keyhouse.domain.authority import Permission, Role, RoleKind, role_named
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, not_found, shown
from keyhouse.domain.people import Person, PrincipalKind, ProjectMember, ProjectRole
from keyhouse.store.contract import Listed, Page, Transaction

Placed = tuple[Person, ProjectMember]


@needs(Permission.PROJECT_USERS_READ)
def list_page(
    control: Control, caller: Caller, project_id: str, *, after: str | None = None, limit: int = 20
) -> Listed[Placed]:
    """People of a project, those added first first."""
    with control.store.read() as tx:
        require_project(tx, caller, project_id)
        return tx.project_members.list(caller.organization_id, project_id, Page(after, limit))


@needs(Permission.PROJECT_USERS_READ)
def show(control: Control, caller: Caller, project_id: str, user_id: str) -> Placed:
    """One person of the project. Raises `not_found` for who is not in it."""
    with control.store.read() as tx:
        require_project(tx, caller, project_id)
        return _require(tx, caller, project_id, user_id)


@needs(Permission.PROJECT_USERS_WRITE)
def add(
    control: Control, caller: Caller, project_id: str, role: object, *, user_id: object = UNSET, email: object = UNSET
) -> Placed:
    """Puts somebody of the organization, named by id or email, into the project. Raises `conflict` for who is in it already."""
    now, as_what = control.clock(), project_role(role)
    require_to_hold(caller, _role(as_what).permissions, project_id, param="role")
    with control.store.write() as tx:
        require_open_project(tx, caller, project_id)
        person = _meant(tx, caller, user_id, email)
        if tx.project_members.get(caller.organization_id, project_id, person.id) is not None:
            raise KeyhouseError(
                ErrorCode.CONFLICT, f"'{person.email}' is in the project already; change the role instead."
            )
        member = ProjectMember(caller.organization_id, project_id, person.id, as_what, now)
        tx.project_members.put(member)
        tx.audit.append(_event(caller, now, EventType.ROLE_ASSIGNMENT_CREATED, member))
        seq = roles_changed(tx, caller)
    control.announce(seq)
    return person, member


@needs(Permission.PROJECT_USERS_WRITE)
def update(control: Control, caller: Caller, project_id: str, user_id: str, role: object) -> Placed:
    """Gives a person of the project another role."""
    now, as_what = control.clock(), project_role(role)
    with control.store.write() as tx:
        require_open_project(tx, caller, project_id)
        person, before = _require(tx, caller, project_id, user_id)
        both = _role(before.role).permissions | _role(as_what).permissions
        require_to_hold(caller, both if as_what is not before.role else (), project_id, param="role")
        member = ProjectMember(caller.organization_id, project_id, user_id, as_what, before.added_at)
        tx.audit.append(_event(caller, now, EventType.ROLE_ASSIGNMENT_DELETED, before))
        tx.project_members.put(member)
        tx.audit.append(_event(caller, now, EventType.ROLE_ASSIGNMENT_CREATED, member))
        seq = roles_changed(tx, caller)
    control.announce(seq)
    return person, member


@needs(Permission.PROJECT_USERS_WRITE)
def remove(control: Control, caller: Caller, project_id: str, user_id: str) -> Person:
    """Takes a person out of the project, with every role they were given there, and disables their keys in it: none is accepted
    once this returns."""
    now = control.clock()
    with control.store.write() as tx:
        require_project(tx, caller, project_id)
        person, member = _require(tx, caller, project_id, user_id)
        require_to_hold(caller, _role(member.role).permissions, project_id, param="user_id")
        left = disable_keys(tx, caller, user_id, now, project_id)
        tx.role_assignments.forget(caller.organization_id, PrincipalKind.USER, user_id, project_id)
        tx.project_members.remove(caller.organization_id, project_id, user_id)
        tx.audit.append(_event(caller, now, EventType.ROLE_ASSIGNMENT_DELETED, member))
    if left.seq:
        control.announce(left.seq)
    return person


def project_role(value: object, param: str = "role") -> ProjectRole:
    """`owner`, `member` or `viewer`, or the id of the predefined role."""
    names = {role.value: role for role in ProjectRole} | {_role(role).id: role for role in ProjectRole}
    if not isinstance(value, str) or value not in names:
        known = ", ".join(role.value for role in ProjectRole)
        raise invalid(param, f"'{param}' must be one of: {known}.")
    return names[value]


def permissions_in_project(role: ProjectRole) -> frozenset[Permission]:
    """What the predefined role of a project grants."""
    return _role(role).permissions


def _role(role: ProjectRole) -> Role:
    found = role_named(RoleKind.PROJECT, role.value)
    assert found is not None  # noqa: S101 - each has a predefined one
    return found


def _require(tx: Transaction, caller: Caller, project_id: str, user_id: str) -> Placed:
    member = tx.project_members.get(caller.organization_id, project_id, user_id)
    found = tx.people.get(caller.organization_id, user_id)
    if member is None or found is None:
        raise not_found("person in this project", user_id)
    return found[0], member


def _meant(tx: Transaction, caller: Caller, user_id: object, email: object) -> Person:
    # What is given may be anything, of no hash too.
    by_id, by_email = (value is not UNSET and value is not None for value in (user_id, email))
    if by_id is by_email:
        raise invalid("user_id", "Give either 'user_id' or 'email'.")
    if by_email:
        address = checked_email(email)
        found = tx.people.by_email(caller.organization_id, address)
        named, param = address, "email"
    else:
        if not isinstance(user_id, str):
            raise invalid("user_id", "'user_id' must be a person's id.")
        found = tx.people.get(caller.organization_id, user_id)
        named, param = user_id, "user_id"
    if found is None:
        message = f"'{shown(named)}' is nobody in this organization; invite them first."
        raise KeyhouseError(ErrorCode.NOT_FOUND, message, param=param)
    return found[0]


def _event(caller: Caller, now: int, type_: EventType, member: ProjectMember) -> AuditEvent:
    details: dict[str, object] = {
        "principal_id": member.user_id,
        "principal_type": PrincipalKind.USER.value,
        "resource_id": member.project_id,
        "resource_type": RoleKind.PROJECT.value,
    }
    return event(caller, now, type_, _role(member.role).id, project_id=member.project_id, details=details)
