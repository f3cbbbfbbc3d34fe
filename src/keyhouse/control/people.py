"""People in the organization: who is in it, as what, and what becomes of the keys of those who leave."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from keyhouse.control import fields
from keyhouse.control.authority import needs, require_to_hold
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.control.leaving import disable_keys
from keyhouse.control.lookup import require_person, roles_changed
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission, RoleKind, predefined_role, role_named
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, shown
from keyhouse.domain.keys import Key
from keyhouse.domain.people import Member, OrganizationRole, Person, ProjectMember
from keyhouse.store.contract import Listed, Page, Transaction

MAX_EMAIL = 254
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")
_PASSWORD_BYTES = 18


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person of the organization, their projects and those projects' names, and when one of their keys was last used."""

    person: Person
    member: Member
    projects: tuple[tuple[ProjectMember, str], ...] = ()
    last_used_at: int | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """A new person; the only full copy of their first password, unless they had one already."""

    view: PersonView
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Removed:
    """Who left, and their keys that are disabled now: whoever takes over decides about those."""

    person: Person
    keys: tuple[Key, ...]


@needs(Permission.USERS_READ)
def list_page(
    control: Control,
    caller: Caller,
    *,
    after: str | None = None,
    limit: int = 20,
    emails: Sequence[str] | None = None,
) -> Listed[PersonView]:
    """People of the organization, those added first first; none but those with these emails, where some are given."""
    wanted = None if emails is None else [email.lower() for email in emails]
    with control.store.read() as tx:
        page = tx.people.list(caller.organization_id, Page(after, limit), emails=wanted)
        return Listed(tuple(_views(tx, caller, page.items)), page.has_more)


@needs(Permission.USERS_READ)
def show(control: Control, caller: Caller, user_id: str) -> PersonView:
    """One person. Raises `not_found`."""
    with control.store.read() as tx:
        return _views(tx, caller, [require_person(tx, caller, user_id)])[0]


@needs(Permission.USERS_WRITE)
def add(control: Control, caller: Caller, given_email: object, name: object, role: object = "reader") -> Added:
    """A person who needs no invitation, with a first password; one whom the house knows already keeps theirs."""
    from argon2 import PasswordHasher  # slow to import

    now, wanted, called = control.clock(), email(given_email), fields.name(name)
    as_what = organization_role(role)
    require_to_hold(caller, permissions_of(as_what), None, param="role")
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    person = Person(ids.new_id(ids.USER), wanted, called, now, PasswordHasher().hash(password))
    details: dict[str, object] = {"data": {"role": as_what.value}}
    with control.store.write() as tx:
        refuse_member(tx, caller.organization_id, wanted)
        known = tx.people.of_house(wanted)
        person = known or person
        member = Member(caller.organization_id, person.id, as_what, now)
        tx.people.add(person, member)
        tx.audit.append(event(caller, now, EventType.USER_ADDED, person.id, details=details))
    return Added(PersonView(person, member), password if known is None else None)


@needs(Permission.USERS_WRITE)
def update(
    control: Control,
    caller: Caller,
    user_id: str,
    *,
    role: object = UNSET,
    role_id: object = UNSET,
    technical_level: object = UNSET,
    developer_persona: object = UNSET,
) -> PersonView:
    """Changes what is given; null leaves a role as it is. Raises `conflict` for the last owner, who stays one."""
    now = control.clock()
    as_what = _wanted_role(role, role_id)
    told = {
        name: None if value is None else fields.name(value, name)
        for name, value in (("technical_level", technical_level), ("developer_persona", developer_persona))
        if value is not UNSET
    }
    wanted: dict[str, Any] = told if as_what is None else {**told, "role": as_what}
    details: dict[str, object] = {"changes_requested": told if as_what is None else {**told, "role": as_what.value}}
    with control.store.write() as tx:
        person, member = require_person(tx, caller, user_id)
        if as_what is not None and as_what is not member.role:
            require_to_hold(caller, permissions_of(member.role) | permissions_of(as_what), None, param="role")
            keep_an_owner(tx, member)
        member = replace(member, **wanted)
        tx.people.save_member(member)
        tx.audit.append(event(caller, now, EventType.USER_UPDATED, user_id, details=details))
        seq = None if as_what is None else roles_changed(tx, caller)
        seen = _views(tx, caller, [(person, member)])[0]
    if seq is not None:
        control.announce(seq)
    return seen


@needs(Permission.USERS_WRITE)
def remove(control: Control, caller: Caller, user_id: str) -> Removed:
    """Takes a person out of the organization, its projects and groups, and disables their keys: none is accepted once this
    returns. Raises `conflict` for the last owner."""
    now = control.clock()
    with control.store.write() as tx:
        person, member = require_person(tx, caller, user_id)
        require_to_hold(caller, permissions_of(member.role), None, param="user_id")
        keep_an_owner(tx, member)
        left = disable_keys(tx, caller, user_id, now)
        details: dict[str, object] = {"disabled_api_keys": [key.id for key in left.keys]}
        tx.people.remove_member(caller.organization_id, user_id)
        tx.audit.append(event(caller, now, EventType.USER_DELETED, user_id, details=details))
    if left.seq:
        control.announce(left.seq)
    return Removed(person, left.keys)


def email(value: object, param: str = "email") -> str:
    """An address as people type it, in lower case: one `@`, no spaces. Whether mail arrives there only mail can tell."""
    if not isinstance(value, str):
        raise invalid(param, f"'{param}' is required." if value is UNSET else f"'{param}' must be a string.")
    text = value.strip().lower()
    if len(text) > MAX_EMAIL or _EMAIL.fullmatch(text) is None:
        raise invalid(param, f"'{param}' must be an email address of at most {MAX_EMAIL} characters.")
    return text


def organization_role(value: object, param: str = "role") -> OrganizationRole:
    """`owner`, `reader` or `member`."""
    names = {role.value: role for role in OrganizationRole}
    if not isinstance(value, str) or value not in names:
        raise invalid(param, f"'{param}' must be one of: {', '.join(names)}.")
    return names[value]


def refuse_member(tx: Transaction, organization_id: str, wanted: str) -> None:
    """Raises `conflict` where the email is a member's."""
    if tx.people.by_email(organization_id, wanted) is not None:
        message = f"'{shown(wanted)}' is in the organization already."
        raise KeyhouseError(ErrorCode.CONFLICT, message, param="email")


def keep_an_owner(tx: Transaction, member: Member) -> None:
    """Raises `conflict` where this is the last owner: without one, nobody could let anybody in again."""
    if [person.id for person, _ in tx.people.owners(member.organization_id)] == [member.user_id]:
        message = "This is the organization's last owner; make somebody else an owner first."
        raise KeyhouseError(ErrorCode.CONFLICT, message, param="role")


def _wanted_role(role: object, role_id: object) -> OrganizationRole | None:
    if role_id is UNSET or role_id is None:
        return None if role is UNSET or role is None else organization_role(role)
    found = predefined_role(role_id) if isinstance(role_id, str) else None
    if found is None or found.kind is not RoleKind.ORGANIZATION:
        message = (
            "'role_id' must be a predefined role of the organization; others are assigned with …/users/{user_id}/roles."
        )
        raise invalid("role_id", message)
    if role is not UNSET and role is not None and role != found.name:
        raise invalid("role_id", "'role' and 'role_id' name different roles.")
    return OrganizationRole(found.name)


def permissions_of(role: OrganizationRole) -> frozenset[Permission]:
    """What the predefined role of an organization grants."""
    found = role_named(RoleKind.ORGANIZATION, role.value)
    return frozenset() if found is None else found.permissions


def _views(tx: Transaction, caller: Caller, found: Sequence[tuple[Person, Member]]) -> list[PersonView]:
    user_ids = [person.id for person, _ in found]
    places: dict[str, list[tuple[ProjectMember, str]]] = {}
    for member, name in tx.project_members.of(caller.organization_id, user_ids):
        places.setdefault(member.user_id, []).append((member, name))
    used = tx.keys.last_used(caller.organization_id, user_ids)
    return [
        PersonView(person, member, tuple(places.get(person.id, ())), used.get(person.id)) for person, member in found
    ]
