"""People and their membership in organizations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select

from keyhouse.domain.people import Member, OrganizationRole, Person
from keyhouse.store.rows import values_of
from keyhouse.store.tables import members, people


class SqlPeople:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, person: Person, member: Member) -> None:
        self._connection.execute(insert(people).values(values_of(person)))
        self._connection.execute(insert(members).values(values_of(member)))

    def get(self, organization_id: str, user_id: str) -> tuple[Person, Member] | None:
        return self._one(members.c.organization_id == organization_id, people.c.id == user_id)

    def by_email(self, organization_id: str, email: str) -> tuple[Person, Member] | None:
        return self._one(members.c.organization_id == organization_id, people.c.email == email)

    def owners(self, organization_id: str) -> Sequence[tuple[Person, Member]]:
        return self._found(members.c.organization_id == organization_id, members.c.role == OrganizationRole.OWNER)

    def _one(self, *where: ColumnElement[bool]) -> tuple[Person, Member] | None:
        found = self._found(*where)
        return found[0] if found else None

    def _found(self, *where: ColumnElement[bool]) -> Sequence[tuple[Person, Member]]:
        query = select(people, members).join_from(people, members, members.c.user_id == people.c.id).where(*where)
        rows = self._connection.execute(query.order_by(members.c.added_at, people.c.id))
        return [_person_and_member(row) for row in rows]


def _person_and_member(row: Row[Any]) -> tuple[Person, Member]:
    values: dict[Any, Any] = dict(row._mapping)
    person = Person(**{column.name: values[column.name] for column in people.columns})
    return person, Member(**{column.name: values[column.name] for column in members.columns})
