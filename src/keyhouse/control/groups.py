"""Groups: people who hold roles together."""

from __future__ import annotations

from dataclasses import replace

from keyhouse.control import fields
from keyhouse.control.authority import needs, require_to_hold
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.lookup import require_group, require_person, roles_changed
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission, predefined_role
from keyhouse.domain.errors import ErrorCode, KeyhouseError, not_found, shown
from keyhouse.domain.people import Group, GroupMember, Person
from keyhouse.store.contract import Listed, Page, Transaction


@needs(Permission.GROUPS_READ)
def list_page(
    control: Control, caller: Caller, *, after: str | None = None, limit: int = 100, newest_first: bool = False
) -> Listed[Group]:
    """Groups, oldest first unless said otherwise."""
    with control.store.read() as tx:
        return tx.groups.list(caller.organization_id, Page(after, limit, newest_first))


@needs(Permission.GROUPS_WRITE)
def create(control: Control, caller: Caller, name: object) -> Group:
    """A group with nobody in it, and no role."""
    now = control.clock()
    group = Group(ids.new_id(ids.GROUP), caller.organization_id, fields.name(name), now)
    details: dict[str, object] = {"data": {"group_name": group.name}}
    with control.store.write() as tx:
        tx.groups.add(group)
        tx.audit.append(event(caller, now, EventType.GROUP_CREATED, group.id, details=details))
    return group


@needs(Permission.GROUPS_READ)
def show(control: Control, caller: Caller, group_id: str) -> Group:
    """One group. Raises `not_found`."""
    with control.store.read() as tx:
        return require_group(tx, caller, group_id)


@needs(Permission.GROUPS_WRITE)
def rename(control: Control, caller: Caller, group_id: str, name: object) -> Group:
    """Gives the group another name."""
    now, wanted = control.clock(), fields.name(name)
    details: dict[str, object] = {"changes_requested": {"group_name": wanted}}
    with control.store.write() as tx:
        group = replace(require_group(tx, caller, group_id), name=wanted)
        tx.groups.save(group)
        tx.audit.append(event(caller, now, EventType.GROUP_UPDATED, group_id, details=details))
    return group


@needs(Permission.GROUPS_WRITE)
def delete(control: Control, caller: Caller, group_id: str) -> Group:
    """Forgets the group: what its people held through it, they hold no more."""
    now = control.clock()
    with control.store.write() as tx:
        group = require_group(tx, caller, group_id)
        _require_to_decide(tx, caller, group, param="group_id")
        tx.groups.remove(caller.organization_id, group_id)
        tx.audit.append(event(caller, now, EventType.GROUP_DELETED, group_id))
        seq = roles_changed(tx, caller)
    control.announce(seq)
    return group


@needs(Permission.GROUPS_READ)
def list_people(
    control: Control,
    caller: Caller,
    group_id: str,
    *,
    after: str | None = None,
    limit: int = 100,
    newest_first: bool = True,
) -> Listed[tuple[Person, GroupMember]]:
    """People in the group, those added last first unless said otherwise."""
    with control.store.read() as tx:
        require_group(tx, caller, group_id)
        return tx.groups.members(caller.organization_id, group_id, Page(after, limit, newest_first))


@needs(Permission.GROUPS_READ)
def show_person(control: Control, caller: Caller, group_id: str, user_id: str) -> Person:
    """One person of the group. Raises `not_found` for who is not in it."""
    with control.store.read() as tx:
        require_group(tx, caller, group_id)
        found = tx.groups.get_member(caller.organization_id, group_id, user_id)
    if found is None:
        raise not_found("person in this group", user_id)
    return found[0]


@needs(Permission.GROUPS_WRITE)
def add_person(control: Control, caller: Caller, group_id: str, user_id: object) -> GroupMember:
    """Puts somebody of the organization into the group; who is in it already stays. They hold its roles from their next call on,
    so that the caller must hold as much."""
    now, wanted = control.clock(), fields.name(user_id, "user_id")
    details: dict[str, object] = {"changes_requested": {"added_user_id": wanted}}
    with control.store.write() as tx:
        group = require_group(tx, caller, group_id)
        if tx.people.get(caller.organization_id, wanted) is None:
            message = f"No person with id '{shown(wanted)}' was found."
            raise KeyhouseError(ErrorCode.NOT_FOUND, message, param="user_id")
        _require_to_decide(tx, caller, group, param="user_id")
        member = GroupMember(caller.organization_id, group_id, wanted, now)
        tx.groups.put_member(member)
        tx.audit.append(event(caller, now, EventType.GROUP_UPDATED, group_id, details=details))
        seq = roles_changed(tx, caller)
    control.announce(seq)
    return member


@needs(Permission.GROUPS_WRITE)
def remove_person(control: Control, caller: Caller, group_id: str, user_id: str) -> None:
    """Takes somebody out of the group. Raises `not_found` for who is not in it."""
    now = control.clock()
    details: dict[str, object] = {"changes_requested": {"removed_user_id": user_id}}
    with control.store.write() as tx:
        group = require_group(tx, caller, group_id)
        require_person(tx, caller, user_id)
        _require_to_decide(tx, caller, group, param="user_id")
        if not tx.groups.remove_member(caller.organization_id, group_id, user_id):
            raise not_found("person in this group", user_id)
        tx.audit.append(event(caller, now, EventType.GROUP_UPDATED, group_id, details=details))
        seq = roles_changed(tx, caller)
    control.announce(seq)


def _require_to_decide(tx: Transaction, caller: Caller, group: Group, *, param: str) -> None:
    """Who decides who is in a group decides who holds its roles: nobody gives, or takes, more than they hold."""
    for held in tx.role_assignments.of_group(caller.organization_id, group.id):
        role = predefined_role(held.role_id) or tx.roles.get(caller.organization_id, held.role_id)
        if role is not None:
            require_to_hold(caller, role.permissions, held.project_id, param=param)
