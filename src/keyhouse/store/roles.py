"""Roles, and who holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select

from keyhouse.domain.authority import Held, Role, RoleKind, predefined_role, role_named
from keyhouse.domain.people import OrganizationRole, PrincipalKind, ProjectRole, RoleAssignment
from keyhouse.store.people_tables import group_members, project_members, role_assignments, roles
from keyhouse.store.rows import save, values_of
from keyhouse.store.tables import members

_KEY = ("organization_id", "principal", "principal_id", "project_id", "role_id")


class SqlRoles:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, role: Role) -> None:
        self._connection.execute(insert(roles).values(values_of(role)))

    def get(self, organization_id: str, role_id: str) -> Role | None:
        query = select(roles).where(roles.c.id == role_id, roles.c.organization_id == organization_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Role(**row._mapping)

    def save(self, role: Role) -> None:
        save(self._connection, roles, values_of(role), "role")

    def remove(self, organization_id: str, role_id: str) -> None:
        for table, column in ((role_assignments, role_assignments.c.role_id), (roles, roles.c.id)):
            self._connection.execute(delete(table).where(table.c.organization_id == organization_id, column == role_id))

    def all(self, organization_id: str, project_id: str | None) -> Sequence[Role]:
        where = [roles.c.organization_id == organization_id, roles.c.project_id == project_id]
        rows = self._connection.execute(select(roles).where(*where).order_by(roles.c.created_at, roles.c.id))
        return [Role(**row._mapping) for row in rows]


class SqlRoleAssignments:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, assignment: RoleAssignment) -> None:
        there = select(role_assignments.c.role_id).where(*_is(assignment))
        if self._connection.execute(there).one_or_none() is None:
            self._connection.execute(insert(role_assignments).values(_values(assignment)))

    def remove(self, assignment: RoleAssignment) -> bool:
        return self._connection.execute(delete(role_assignments).where(*_is(assignment))).rowcount == 1

    def of(
        self, organization_id: str, principal: PrincipalKind, principal_id: str, project_id: str | None
    ) -> Sequence[RoleAssignment]:
        held = _held_by(organization_id, principal, principal_id)
        return self._found(held, role_assignments.c.project_id == (project_id or ""))

    def reaching(self, organization_id: str, user_id: str, project_id: str | None) -> Sequence[RoleAssignment]:
        table = role_assignments
        place = and_(table.c.organization_id == organization_id, table.c.project_id == (project_id or ""))
        return self._found(place, _reaches(organization_id, user_id))

    def of_groups(self, organization_id: str, project_id: str) -> Sequence[RoleAssignment]:
        table = role_assignments
        place = and_(table.c.organization_id == organization_id, table.c.project_id == project_id)
        return self._found(place, table.c.principal == PrincipalKind.GROUP)

    def of_group(self, organization_id: str, group_id: str) -> Sequence[RoleAssignment]:
        return self._found(_held_by(organization_id, PrincipalKind.GROUP, group_id))

    def forget(self, organization_id: str, principal: PrincipalKind, principal_id: str, project_id: str | None) -> None:
        where = [_held_by(organization_id, principal, principal_id)]
        if project_id is not None:
            where.append(role_assignments.c.project_id == project_id)
        self._connection.execute(delete(role_assignments).where(*where))

    def held_by(self, organization_id: str, user_id: str) -> Sequence[Held]:
        by_membership = self._by_membership(organization_id, user_id)
        if not by_membership:
            return []
        return [*by_membership, *self._by_assignment(organization_id, user_id)]

    def _by_membership(self, organization_id: str, user_id: str) -> list[Held]:
        place = [members.c.organization_id == organization_id, members.c.user_id == user_id]
        role = self._connection.scalars(select(members.c.role).where(*place)).one_or_none()
        if role is None:
            return []
        table = project_members
        query = select(table.c.project_id, table.c.role).where(
            table.c.organization_id == organization_id, table.c.user_id == user_id
        )
        return by_membership(role, [(row.project_id, row.role) for row in self._connection.execute(query)])

    def _by_assignment(self, organization_id: str, user_id: str) -> Iterator[Held]:
        table = role_assignments
        query = (
            select(table.c.role_id.label("held_id"), table.c.project_id.label("held_in"), roles)
            .outerjoin_from(
                table, roles, and_(roles.c.id == table.c.role_id, roles.c.organization_id == organization_id)
            )
            .where(table.c.organization_id == organization_id, _reaches(organization_id, user_id))
        )
        for row in self._connection.execute(query):
            role = predefined_role(row.held_id) or (None if row.id is None else _role(row))
            if role is not None:
                yield Held(role, row.held_in or None)

    def _found(self, *where: ColumnElement[bool]) -> Sequence[RoleAssignment]:
        table = role_assignments
        query = select(table).where(*where).order_by(table.c.created_at, table.c.principal_id, table.c.role_id)
        return [
            RoleAssignment(**{**row._mapping, "project_id": row.project_id or None})
            for row in self._connection.execute(query)
        ]


def by_membership(role: OrganizationRole, places: Iterable[tuple[str, ProjectRole]]) -> list[Held]:
    """What a person of the organization holds by being one, and by being in these projects as this."""
    found: list[tuple[Role | None, str | None]] = [(role_named(RoleKind.ORGANIZATION, role.value), None)]
    found += [(role_named(RoleKind.PROJECT, in_project.value), project_id) for project_id, in_project in places]
    return [Held(held, project_id) for held, project_id in found if held is not None]


def _role(row: Row[Any]) -> Role:
    return Role(**{column.name: row._mapping[column] for column in roles.columns})


def _held_by(organization_id: str, principal: PrincipalKind, principal_id: str) -> ColumnElement[bool]:
    table = role_assignments
    return and_(
        table.c.organization_id == organization_id,
        table.c.principal == principal,
        table.c.principal_id == principal_id,
    )


def _reaches(organization_id: str, user_id: str) -> ColumnElement[bool]:
    """What a person was given, and what the groups were that the person is in."""
    table, through = role_assignments, group_members
    its_groups = select(through.c.group_id).where(
        through.c.organization_id == organization_id, through.c.user_id == user_id
    )
    own = and_(table.c.principal == PrincipalKind.USER, table.c.principal_id == user_id)
    return or_(own, and_(table.c.principal == PrincipalKind.GROUP, table.c.principal_id.in_(its_groups)))


def _values(assignment: RoleAssignment) -> dict[str, Any]:
    return {**values_of(assignment), "project_id": assignment.project_id or ""}


def _is(assignment: RoleAssignment) -> list[ColumnElement[bool]]:
    values = _values(assignment)
    return [role_assignments.c[name] == values[name] for name in _KEY]
