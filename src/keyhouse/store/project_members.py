"""People in projects."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import ColumnElement, Connection, Text, cast, delete, insert, select, update

from keyhouse.domain.audit import EventType
from keyhouse.domain.people import Person, ProjectMember
from keyhouse.store.contract import Listed, Page
from keyhouse.store.paging import Ordered, page_in
from keyhouse.store.people import columns_of
from keyhouse.store.people_tables import project_members as table
from keyhouse.store.rows import slices, values_of
from keyhouse.store.tables import audit, people, projects


class SqlProjectMembers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, member: ProjectMember) -> None:
        there = _is(member.organization_id, member.project_id, member.user_id)
        if self._connection.execute(update(table).where(*there).values(role=member.role)).rowcount == 0:
            self._connection.execute(insert(table).values(values_of(member)))

    def get(self, organization_id: str, project_id: str, user_id: str) -> ProjectMember | None:
        query = select(table).where(*_is(organization_id, project_id, user_id))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else ProjectMember(**row._mapping)

    def remove(self, organization_id: str, project_id: str, user_id: str) -> bool:
        return self._connection.execute(delete(table).where(*_is(organization_id, project_id, user_id))).rowcount == 1

    def list(self, organization_id: str, project_id: str, page: Page) -> Listed[tuple[Person, ProjectMember]]:
        query = select(people, table).join_from(people, table, table.c.user_id == people.c.id)
        scope = [table.c.organization_id == organization_id, table.c.project_id == project_id]
        by = (table.c.added_at, table.c.user_id)
        born = partial(_put, organization_id, project_id)
        ordered = Ordered(query, by, table.c.user_id, scope, born=born, is_shared=True)
        rows, has_more = page_in(self._connection, ordered, page)
        found = ((Person(**columns_of(row, people)), ProjectMember(**columns_of(row, table))) for row in rows)
        return Listed(tuple(found), has_more)

    def of(self, organization_id: str, user_ids: Sequence[str]) -> Sequence[tuple[ProjectMember, str]]:
        found: list[tuple[ProjectMember, str]] = []
        for some in slices(user_ids):
            query = (
                select(table, projects.c.name.label("project_name"))
                .join_from(table, projects, projects.c.id == table.c.project_id)
                .where(table.c.organization_id == organization_id, table.c.user_id.in_(some))
                .where(projects.c.archived_at.is_(None))
                .order_by(table.c.user_id, table.c.added_at, table.c.project_id)
            )
            rows = self._connection.execute(query)
            found += [(ProjectMember(**columns_of(row, table)), row.project_name) for row in rows]
        return found


def _put(organization_id: str, project_id: str, user_id: str) -> list[ColumnElement[bool]]:
    """The events that tell of a person who was put into a project: they are about the role."""
    return [
        audit.c.organization_id == organization_id,
        audit.c.project_id == project_id,
        audit.c.type == EventType.ROLE_ASSIGNMENT_CREATED,
        cast(audit.c.details, Text).contains(f'"principal_id":"{user_id}"', autoescape=True),
    ]


def _is(organization_id: str, project_id: str, user_id: str) -> list[ColumnElement[bool]]:
    return [
        table.c.organization_id == organization_id,
        table.c.project_id == project_id,
        table.c.user_id == user_id,
    ]
