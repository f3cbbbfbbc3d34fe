"""Who holds which role: people and groups, in the organization and in projects."""

from __future__ import annotations

from dataclasses import dataclass, replace

from keyhouse.control import fields
from keyhouse.control.authority import needs, require_to_hold
from keyhouse.control.context import Caller, Control
from keyhouse.control.cursors import cut
from keyhouse.control.events import event
from keyhouse.control.held_roles import HeldRole, Holder, Principal, by_membership, held_by, require_holder, was_given
from keyhouse.control.lookup import require_open_project, roles_changed
from keyhouse.control.people import keep_an_owner
from keyhouse.control.roles import require_role, resource
from keyhouse.domain.audit import AuditEvent, EventType
from keyhouse.domain.authority import ORGANIZATION_MEMBER, Permission, Role
from keyhouse.domain.errors import ErrorCode, KeyhouseError, not_found
from keyhouse.domain.people import Group, Member, OrganizationRole, Person, ProjectMember, ProjectRole, RoleAssignment
from keyhouse.store.contract import Listed, Page, Transaction


@dataclass(frozen=True, slots=True)
class Assigned:
    """A role, and who holds it now."""

    role: Role
    holder: Holder


@needs(Permission.PROJECT_ROLES_READ, organization=Permission.ROLES_READ)
def list_page(
    control: Control,
    caller: Caller,
    project_id: str | None,
    principal: Principal,
    *,
    after: str | None = None,
    limit: int = 1000,
    newest_first: bool = False,
) -> Listed[HeldRole]:
    """What somebody holds in a project, or (None) in the organization: by membership, then what was assigned, oldest first."""
    with control.store.read() as tx:
        require_holder(tx, caller, project_id, principal)
        found = held_by(tx, caller, project_id, principal)
    return cut(found, lambda held: held.place, Page(after, limit, newest_first))


@needs(Permission.PROJECT_ROLES_READ, organization=Permission.ROLES_READ)
def show(control: Control, caller: Caller, project_id: str | None, principal: Principal, role_id: str) -> HeldRole:
    """One role that somebody holds there. Raises `not_found`, also for a role that they do not hold."""
    with control.store.read() as tx:
        require_holder(tx, caller, project_id, principal)
        for held in held_by(tx, caller, project_id, principal):
            if held.role.id == role_id:
                return held
    raise _not_held(principal, role_id)


@needs(Permission.PROJECT_ROLES_WRITE, organization=Permission.ROLES_WRITE)
def assign(control: Control, caller: Caller, project_id: str | None, principal: Principal, role_id: object) -> Assigned:
    """Gives a role that grants no more than the caller holds. Of predefined roles a person has one in a place: the last given."""
    now = control.clock()
    wanted = fields.name(role_id, "role_id")
    with control.store.write() as tx:
        if project_id is not None:
            require_open_project(tx, caller, project_id)
        holder = require_holder(tx, caller, project_id, principal)
        role = require_role(tx, caller, project_id, wanted)
        require_to_hold(caller, role.permissions, project_id, param="role_id")
        deed = _Deed(caller, now, project_id, principal, role)
        if was_given(tx, caller, project_id, principal, role.id):
            return Assigned(role, holder)
        if role.predefined and not isinstance(holder, Group):
            holder = _become(tx, deed, *holder)
        else:
            tx.role_assignments.add(deed.assignment())
            tx.audit.append(deed.event(EventType.ROLE_ASSIGNMENT_CREATED))
        seq = roles_changed(tx, caller)
    control.announce(seq)
    return Assigned(role, holder)


@needs(Permission.PROJECT_ROLES_WRITE, organization=Permission.ROLES_WRITE)
def remove(control: Control, caller: Caller, project_id: str | None, principal: Principal, role_id: str) -> Role:
    """Takes a role away from whom it was given to. Raises `not_found` for one that they hold through a group only."""
    now = control.clock()
    with control.store.write() as tx:
        holder = require_holder(tx, caller, project_id, principal)
        role = require_role(tx, caller, project_id, role_id)
        if not was_given(tx, caller, project_id, principal, role.id):
            raise _not_held(principal, role_id)
        deed = _Deed(caller, now, project_id, principal, role)
        if role.predefined:
            _require_to_take(deed, role)
        if role.predefined and not isinstance(holder, Group):
            _lose(tx, deed, holder[1])
        else:
            tx.role_assignments.remove(deed.assignment())
            tx.audit.append(deed.event(EventType.ROLE_ASSIGNMENT_DELETED))
        seq = roles_changed(tx, caller)
    control.announce(seq)
    return role


@dataclass(frozen=True, slots=True)
class _Deed:
    """Somebody's giving or taking of a role."""

    caller: Caller
    now: int
    project_id: str | None
    principal: Principal
    role: Role

    def assignment(self) -> RoleAssignment:
        organization_id, user_id = self.caller.organization_id, self.caller.actor.user_id
        kind, id_ = self.principal
        return RoleAssignment(organization_id, kind, id_, self.role.id, self.now, self.project_id, user_id)

    def event(self, type_: EventType) -> AuditEvent:
        """An assignment has no id of its own: the event names the role."""
        holder = {"principal_id": self.principal.id, "principal_type": self.principal.kind.value}
        details = {**holder, **resource(self.caller, self.project_id)}
        return event(self.caller, self.now, type_, self.role.id, project_id=self.project_id, details=details)


def _become(tx: Transaction, deed: _Deed, person: Person, member: Member) -> tuple[Person, Member]:
    """A person takes a predefined role; the one that they had goes with it."""
    former = by_membership(tx, deed.project_id, member)
    if former is not None:
        _require_to_take(deed, former)
        tx.audit.append(replace(deed, role=former).event(EventType.ROLE_ASSIGNMENT_DELETED))
    if deed.project_id is None:
        keep_an_owner(tx, member)
        member = replace(member, role=OrganizationRole(deed.role.name))
        tx.people.save_member(member)
        tx.audit.append(deed.event(EventType.ROLE_ASSIGNMENT_CREATED))
    else:
        role = ProjectRole(deed.role.name)
        tx.project_members.put(ProjectMember(member.organization_id, deed.project_id, person.id, role, deed.now))
        tx.audit.append(deed.event(EventType.ROLE_ASSIGNMENT_CREATED))
    return person, member


def _lose(tx: Transaction, deed: _Deed, member: Member) -> None:
    """A person falls back to member of the organization, or leaves the project."""
    if deed.role == ORGANIZATION_MEMBER:
        message = (
            "Whoever is in the organization is a member at least; remove the person from the organization instead."
        )
        raise KeyhouseError(ErrorCode.CONFLICT, message, param="role_id")
    if deed.project_id is None:
        keep_an_owner(tx, member)
        tx.people.save_member(replace(member, role=OrganizationRole.MEMBER))
        tx.audit.append(deed.event(EventType.ROLE_ASSIGNMENT_DELETED))
    else:
        tx.project_members.remove(member.organization_id, deed.project_id, member.user_id)
        tx.audit.append(deed.event(EventType.ROLE_ASSIGNMENT_DELETED))


def _require_to_take(deed: _Deed, role: Role) -> None:
    """Nobody puts down who stands above them."""
    if deed.caller.authority.lacks(role.permissions, deed.project_id):
        message = f"You cannot take the role '{role.name}' from somebody: it grants more than you hold yourself."
        raise KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, message, param="role_id")


def _not_held(principal: Principal, role_id: str) -> KeyhouseError:
    return not_found(f"role that this {principal.kind.value} was given", role_id)
