"""Invitations: a place in the organization, and in projects, that somebody takes by a link until it expires.

The link's token is shown once, to whoever invites. The house remembers its digest, and the place is gone when it is taken.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from keyhouse.control import fields, naming
from keyhouse.control.authority import needs, require_to_hold
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.control.lookup import require_open_project
from keyhouse.control.people import email as checked_email
from keyhouse.control.people import organization_role, permissions_of, refuse_member
from keyhouse.control.project_users import permissions_in_project, project_role
from keyhouse.domain import ids
from keyhouse.domain.audit import Actor, EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, not_found, shown
from keyhouse.domain.people import Invite, InviteStatus, Member, Person, ProjectMember, ProjectRole
from keyhouse.store.contract import Listed, Page, Transaction

LIFETIME = 7 * 86_400
"""Seconds that a link works."""
_TOKEN = "khinv_"  # noqa: S105 - what tokens begin with
_TOKEN_BYTES = 32
_MOST_PROJECTS = 100
_PASSWORD = (10, 1024)
"""Characters of a password."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An invitation, and the only copy of its link."""

    invite: Invite
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Joining:
    """What a link leads to: an invitation, its organization's name, and whether the house knows the person already."""

    invite: Invite
    organization: str
    is_known: bool


@needs(Permission.INVITES_READ)
def list_page(control: Control, caller: Caller, *, after: str | None = None, limit: int = 20) -> Listed[Invite]:
    """Invitations, oldest first, accepted and expired ones too."""
    with control.store.read() as tx:
        return tx.invites.list(caller.organization_id, Page(after, limit))


@needs(Permission.INVITES_READ)
def show(control: Control, caller: Caller, invite_id: str) -> Invite:
    """One invitation. Raises `not_found`."""
    with control.store.read() as tx:
        return _require(tx, caller, invite_id)


@needs(Permission.INVITES_WRITE)
def create(control: Control, caller: Caller, given_email: object, role: object, projects: object = UNSET) -> Sent:
    """Invites somebody as `role`, into `projects`: `[{id, role}]`, or as a member into the Default project where none are given.

    Raises `conflict` for a member, and for somebody whose invitation is pending.
    """
    now, wanted, as_what = control.clock(), checked_email(given_email), organization_role(role)
    require_to_hold(caller, permissions_of(as_what), None, param="role")
    token = _TOKEN + secrets.token_urlsafe(_TOKEN_BYTES)
    wanted_places = _default_place(control, caller) if projects is UNSET or projects is None else projects
    with control.store.write() as tx:
        refuse_member(tx, caller.organization_id, wanted)
        _refuse_pending(tx.invites.to(caller.organization_id, wanted), now)
        invite = Invite(
            id=ids.new_id(ids.INVITE),
            organization_id=caller.organization_id,
            email=wanted,
            role=as_what,
            projects=tuple(_projects(tx, caller, wanted_places)),
            created_at=now,
            expires_at=now + LIFETIME,
            token_digest=_digest(token),
            invited_by=caller.actor.user_id,
        )
        details: dict[str, object] = {"data": {"email": wanted, "role": as_what.value}}
        tx.invites.add(invite)
        tx.audit.append(event(caller, now, EventType.INVITE_SENT, invite.id, details=details))
    return Sent(invite, f"{control.public_url}/invite/{token}")


@needs(Permission.INVITES_WRITE)
def delete(control: Control, caller: Caller, invite_id: str) -> Invite:
    """Takes an invitation back: its link leads nowhere any more. Raises `conflict` for one that was accepted."""
    now = control.clock()
    with control.store.write() as tx:
        invite = _require(tx, caller, invite_id)
        if invite.accepted_at is not None:
            message = f"Invitation '{invite.id}' has been accepted, so it cannot be deleted; remove the person instead."
            raise KeyhouseError(ErrorCode.CONFLICT, message)
        tx.invites.remove(caller.organization_id, invite_id)
        tx.audit.append(event(caller, now, EventType.INVITE_DELETED, invite_id))
    return invite


def opened(control: Control, token: str) -> Joining:
    """What a link leads to. Raises `not_found` for a link that was never made or was taken back, `conflict` for one that has been
    used, and `invalid_value` for one that has expired."""
    with control.store.read() as tx:
        return _opened(tx, token, control.clock())


def accept(control: Control, token: str, name: object, password: object, address: str | None) -> Person:
    """Takes the place: whoever the house does not know gives a name and a password, somebody known keeps both.

    A project that is gone or archived meanwhile is left out. Raises as `opened` does, and before any password is looked at.
    """
    from argon2 import PasswordHasher  # slow to import

    now = control.clock()
    joining = opened(control, token)
    person = Person(ids.new_id(ids.USER), joining.invite.email, joining.invite.email, now)
    if not joining.is_known:
        called, secret = fields.name(name), _password(password)
        person = replace(person, name=called, password_hash=PasswordHasher().hash(secret))
    with control.store.write() as tx:
        invite = _opened(tx, token, now).invite
        refuse_member(tx, invite.organization_id, invite.email)
        person = tx.people.of_house(invite.email) or person
        caller = Caller(invite.organization_id, Actor("session", user_id=person.id, address=address))
        member = Member(invite.organization_id, person.id, invite.role, now)
        details: dict[str, object] = {"data": {"role": invite.role.value}}
        tx.people.add(person, member)
        tx.audit.append(event(caller, now, EventType.USER_ADDED, person.id, details=details))
        for place in _places(tx, invite, person, now):
            tx.project_members.put(place)
        tx.invites.save(replace(invite, accepted_at=now))
        tx.audit.append(event(caller, now, EventType.INVITE_ACCEPTED, invite.id))
    return person


def _opened(tx: Transaction, token: str, now: int) -> Joining:
    invite = tx.invites.by_token(_digest(token))
    if invite is None:
        raise KeyhouseError(
            ErrorCode.NOT_FOUND, "This link leads to no invitation: it was taken back, or is incomplete."
        )
    status = invite.status(now)
    if status is InviteStatus.ACCEPTED:
        raise KeyhouseError(ErrorCode.CONFLICT, "This invitation has been accepted already.")
    if status is InviteStatus.EXPIRED:
        raise invalid("token", "This invitation has expired; ask for another one.")
    organization = tx.organizations.get(invite.organization_id)
    known = tx.people.of_house(invite.email)
    return Joining(invite, "" if organization is None else organization.name, known is not None)


def _default_place(control: Control, caller: Caller) -> list[dict[str, str]]:
    try:
        default = naming.default_project(control, caller)
    except KeyhouseError:  # there is none
        return []
    return [] if default.archived_at is not None else [{"id": default.id, "role": ProjectRole.MEMBER.value}]


def _projects(tx: Transaction, caller: Caller, given: object) -> Iterator[tuple[str, ProjectRole]]:
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) > _MOST_PROJECTS:
        raise invalid(
            "projects", f"'projects' must be a list of at most {_MOST_PROJECTS} objects with an id and a role."
        )
    seen = set()
    for place, entry in enumerate(given):
        param = f"projects[{place}]"
        if not isinstance(entry, Mapping) or set(entry) != {"id", "role"} or not isinstance(entry["id"], str):
            raise invalid(param, f"'{param}' must be an object with the id of a project and a role.")
        project = require_open_project(tx, caller, entry["id"])
        if project.id in seen:
            raise invalid(param, f"Project '{project.id}' is named twice.")
        seen.add(project.id)
        as_what = project_role(entry["role"], f"{param}.role")
        require_to_hold(caller, permissions_in_project(as_what), project.id, param=f"{param}.role")
        yield project.id, as_what


def _places(tx: Transaction, invite: Invite, person: Person, now: int) -> Iterator[ProjectMember]:
    for project_id, as_what in invite.projects:
        project = tx.projects.get(invite.organization_id, project_id)
        if project is not None and project.archived_at is None:
            yield ProjectMember(invite.organization_id, project_id, person.id, as_what, now)


def _refuse_pending(others: Iterable[Invite], now: int) -> None:
    for other in others:
        if other.status(now) is InviteStatus.PENDING:
            message = f"'{shown(other.email)}' is invited already ({other.id}); delete that invitation to send another."
            raise KeyhouseError(ErrorCode.CONFLICT, message, param="email")


def _require(tx: Transaction, caller: Caller, invite_id: str) -> Invite:
    invite = tx.invites.get(caller.organization_id, invite_id)
    if invite is None:
        raise not_found("invite", invite_id)
    return invite


def _password(value: object) -> str:
    least, most = _PASSWORD
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise invalid("password", f"'password' must have {least} to {most:,} characters.")
    return value


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
