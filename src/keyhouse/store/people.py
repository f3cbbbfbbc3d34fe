"""People and their membership in organizations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, insert, select, update

from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import not_found
from keyhouse.domain.people import Member, OrganizationRole, Person, PrincipalKind
from keyhouse.store.contract import Listed, Page
from keyhouse.store.paging import Ordered, born_by, page_in
from keyhouse.store.people_tables import group_members, project_members, role_assignments
from keyhouse.store.rows import slices, values_of
from keyhouse.store.tables import members, people

_BOTH = select(people, members).join_from(people, members, members.c.user_id == people.c.id)


class SqlPeople:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, person: Person, member: Member) -> None:
        if self._connection.execute(select(people.c.id).where(people.c.id == person.id)).one_or_none() is None:
            self._connection.execute(insert(people).values(values_of(person)))
        self._connection.execute(insert(members).values(values_of(member)))

    def get(self, organization_id: str, user_id: str) -> tuple[Person, Member] | None:
        return self._one(members.c.organization_id == organization_id, people.c.id == user_id)

    def some(self, organization_id: str, user_ids: Sequence[str]) -> Mapping[str, tuple[Person, Member]]:
        found = {}
        for ids in slices(user_ids):
            query = _BOTH.where(members.c.organization_id == organization_id, members.c.user_id.in_(ids))
            for row in self._connection.execute(query):
                person, member = _person_and_member(row)
                found[person.id] = (person, member)
        return found

    def by_email(self, organization_id: str, email: str) -> tuple[Person, Member] | None:
        return self._one(members.c.organization_id == organization_id, people.c.email == email)

    def of_house(self, email: str) -> Person | None:
        row = self._connection.execute(select(people).where(people.c.email == email)).one_or_none()
        return None if row is None else Person(**row._mapping)

    def owners(self, organization_id: str) -> Sequence[tuple[Person, Member]]:
        owning = [members.c.organization_id == organization_id, members.c.role == OrganizationRole.OWNER]
        rows = self._connection.execute(_BOTH.where(*owning).order_by(members.c.added_at, people.c.id))
        return [_person_and_member(row) for row in rows]

    def save_member(self, member: Member) -> None:
        where = [members.c.organization_id == member.organization_id, members.c.user_id == member.user_id]
        if self._connection.execute(update(members).where(*where).values(values_of(member))).rowcount != 1:
            raise not_found("person", member.user_id)

    def remove_member(self, organization_id: str, user_id: str) -> None:
        for table in (project_members, group_members, members):
            where = [table.c.organization_id == organization_id, table.c.user_id == user_id]
            self._connection.execute(delete(table).where(*where))
        held = [
            role_assignments.c.organization_id == organization_id,
            role_assignments.c.principal == PrincipalKind.USER,
            role_assignments.c.principal_id == user_id,
        ]
        self._connection.execute(delete(role_assignments).where(*held))

    def list(
        self, organization_id: str, page: Page, *, emails: Sequence[str] | None = None
    ) -> Listed[tuple[Person, Member]]:
        by = (members.c.added_at, members.c.user_id)
        # The few with these emails are looked for first, or the whole organization would be read for them.
        filters = [] if emails is None else [members.c.user_id.in_(self._with_emails(emails))]
        scope = [members.c.organization_id == organization_id]
        born = born_by(organization_id, EventType.USER_ADDED)
        ordered = Ordered(_BOTH, by, members.c.user_id, scope, filters, born, is_shared=True)
        rows, has_more = page_in(self._connection, ordered, page)
        return Listed(tuple(_person_and_member(row) for row in rows), has_more)

    def _with_emails(self, emails: Sequence[str]) -> Sequence[str]:
        found: list[str] = []
        for some in slices(emails):
            found += self._connection.scalars(select(people.c.id).where(people.c.email.in_(some)))
        return found

    def _one(self, *where: ColumnElement[bool]) -> tuple[Person, Member] | None:
        row = self._connection.execute(_BOTH.where(*where)).one_or_none()
        return None if row is None else _person_and_member(row)


def _person_and_member(row: Row[Any]) -> tuple[Person, Member]:
    return Person(**columns_of(row, people)), Member(**columns_of(row, members))


def columns_of(row: Row[Any], table: Table) -> dict[str, Any]:
    """Of a row that joins several tables, one table's columns by name."""
    return {column.name: row._mapping[column] for column in table.columns}
