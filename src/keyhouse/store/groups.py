"""Groups, and the people in them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from keyhouse.domain.people import Group, GroupMember, Person, PrincipalKind
from keyhouse.store.contract import Listed, Page
from keyhouse.store.paging import Ordered, next_place, page_in
from keyhouse.store.people import columns_of
from keyhouse.store.people_tables import group_members, groups, role_assignments
from keyhouse.store.rows import save, values_of
from keyhouse.store.tables import people

_MEMBERS = select(people, group_members).join_from(people, group_members, group_members.c.user_id == people.c.id)


class SqlGroups:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, group: Group) -> None:
        self._connection.execute(insert(groups).values(values_of(group)))

    def get(self, organization_id: str, group_id: str) -> Group | None:
        query = select(groups).where(groups.c.organization_id == organization_id, groups.c.id == group_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Group(**row._mapping)

    def save(self, group: Group) -> None:
        save(self._connection, groups, values_of(group), "group")

    def remove(self, organization_id: str, group_id: str) -> None:
        held = [
            role_assignments.c.organization_id == organization_id,
            role_assignments.c.principal == PrincipalKind.GROUP,
            role_assignments.c.principal_id == group_id,
        ]
        self._connection.execute(delete(role_assignments).where(*held))
        self._connection.execute(delete(group_members).where(*_in(organization_id, group_id)))
        this = [groups.c.organization_id == organization_id, groups.c.id == group_id]
        self._connection.execute(delete(groups).where(*this))

    def list(self, organization_id: str, page: Page) -> Listed[Group]:
        by = (groups.c.created_at, groups.c.id)
        ordered = Ordered(select(groups), by, groups.c.id, [groups.c.organization_id == organization_id])
        rows, has_more = page_in(self._connection, ordered, page)
        return Listed(tuple(Group(**row._mapping) for row in rows), has_more, next_place(rows, has_more, by))

    def put_member(self, member: GroupMember) -> None:
        if self.get_member(member.organization_id, member.group_id, member.user_id) is None:
            self._connection.execute(insert(group_members).values(values_of(member)))

    def get_member(self, organization_id: str, group_id: str, user_id: str) -> tuple[Person, GroupMember] | None:
        query = _MEMBERS.where(*_in(organization_id, group_id), group_members.c.user_id == user_id)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        return Person(**columns_of(row, people)), GroupMember(**columns_of(row, group_members))

    def remove_member(self, organization_id: str, group_id: str, user_id: str) -> bool:
        this = [*_in(organization_id, group_id), group_members.c.user_id == user_id]
        return self._connection.execute(delete(group_members).where(*this)).rowcount == 1

    def members(self, organization_id: str, group_id: str, page: Page) -> Listed[tuple[Person, GroupMember]]:
        by = (group_members.c.added_at, group_members.c.user_id)
        ordered = Ordered(_MEMBERS, by, group_members.c.user_id, _in(organization_id, group_id))
        rows, has_more = page_in(self._connection, ordered, page)
        found = ((Person(**columns_of(row, people)), GroupMember(**columns_of(row, group_members))) for row in rows)
        return Listed(tuple(found), has_more, next_place(rows, has_more, by))


def _in(organization_id: str, group_id: str) -> list[ColumnElement[bool]]:
    return [group_members.c.organization_id == organization_id, group_members.c.group_id == group_id]
