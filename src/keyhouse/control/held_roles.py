"""Which roles a person or a group holds in a place, and from where each comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from keyhouse.control.context import Caller
from keyhouse.control.cursors import Place
from keyhouse.control.lookup import require_project
from keyhouse.domain.authority import Role, RoleKind, predefined_role, role_named
from keyhouse.domain.errors import not_found
from keyhouse.domain.people import Group, Member, Person, PrincipalKind
from keyhouse.store.contract import Transaction

Holder = tuple[Person, Member] | Group


class Principal(NamedTuple):
    """Who holds, or is to hold, a role."""

    kind: PrincipalKind
    id: str


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role that somebody holds. `place`: in the list of what they hold. `sources`: whom it was given to, the person or groups
    that the person is in. `maker`: who made the role, where that person is known."""

    role: Role
    place: Place
    sources: tuple[Principal, ...]
    maker: Person | None = None


def require_holder(tx: Transaction, caller: Caller, project_id: str | None, principal: Principal) -> Holder:
    """A person or a group of the organization. Raises `not_found`, also for the project."""
    if project_id is not None:
        require_project(tx, caller, project_id)
    if principal.kind is PrincipalKind.GROUP:
        group = tx.groups.get(caller.organization_id, principal.id)
        if group is None:
            raise not_found("group", principal.id)
        return group
    found = tx.people.get(caller.organization_id, principal.id)
    if found is None:
        raise not_found("user", principal.id)
    return found


def held_by(tx: Transaction, caller: Caller, project_id: str | None, principal: Principal) -> list[HeldRole]:
    """What somebody holds in a project, or (None) in the organization: by membership, then what was assigned, oldest first."""
    found: dict[str, list[Principal]] = {}
    places: dict[str, Place] = {}
    if principal.kind is PrincipalKind.USER:
        person = tx.people.get(caller.organization_id, principal.id)
        own = None if person is None else by_membership(tx, project_id, person[1])
        if own is not None:
            found[own.id], places[own.id] = [principal], (0, 0, own.id)
        rows = tx.role_assignments.reaching(caller.organization_id, principal.id, project_id)
    else:
        rows = tx.role_assignments.of(caller.organization_id, principal.kind, principal.id, project_id)
    for row in rows:
        found.setdefault(row.role_id, []).append(Principal(row.principal, row.principal_id))
        places.setdefault(row.role_id, (1, row.created_at, row.role_id))
    return [_shown(tx, caller, role, places[role.id], found[role.id]) for role in _known(tx, caller, found)]


def was_given(tx: Transaction, caller: Caller, project_id: str | None, principal: Principal, role_id: str) -> bool:
    """Whether this very holder was given the role; what comes to a person through a group does not count."""
    found = held_by(tx, caller, project_id, principal)
    return any(held.role.id == role_id and principal in held.sources for held in found)


def by_membership(tx: Transaction, project_id: str | None, member: Member) -> Role | None:
    """The predefined role that a person has in a project (None: is not in it), or in the organization."""
    if project_id is None:
        return role_named(RoleKind.ORGANIZATION, member.role.value)
    place = tx.project_members.get(member.organization_id, project_id, member.user_id)
    return None if place is None else role_named(RoleKind.PROJECT, place.role.value)


def _known(tx: Transaction, caller: Caller, role_ids: Iterable[str]) -> Iterator[Role]:
    for role_id in role_ids:
        role = predefined_role(role_id) or tx.roles.get(caller.organization_id, role_id)
        if role is not None:
            yield role


def _shown(tx: Transaction, caller: Caller, role: Role, place: Place, sources: Sequence[Principal]) -> HeldRole:
    maker = None if role.created_by is None else tx.people.get(caller.organization_id, role.created_by)
    return HeldRole(role, place, tuple(sources), None if maker is None else maker[0])
