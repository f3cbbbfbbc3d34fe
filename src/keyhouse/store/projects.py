"""Organizations, projects and service accounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select

from keyhouse.domain.projects import Organization, Project, ServiceAccount
from keyhouse.store.contract import Listed, Page
from keyhouse.store.paging import page_of
from keyhouse.store.rows import save, slices, values_of
from keyhouse.store.tables import organizations, projects, service_accounts

_ORGANIZATIONS = select(*(column for column in organizations.columns if column.name != "ordinal"))


class SqlOrganizations:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, organization: Organization) -> None:
        ordinal = self._connection.scalars(select(func.coalesce(func.max(organizations.c.ordinal), 0))).one() + 1
        self._connection.execute(insert(organizations).values(**values_of(organization), ordinal=ordinal))

    def get(self, organization_id: str) -> Organization | None:
        return self._one(_ORGANIZATIONS.where(organizations.c.id == organization_id))

    def first(self) -> Organization | None:
        return self._one(_ORGANIZATIONS.order_by(organizations.c.ordinal).limit(1))

    def save(self, organization: Organization) -> None:
        save(self._connection, organizations, values_of(organization), "organization")

    def all(self) -> Sequence[Organization]:
        rows = self._connection.execute(_ORGANIZATIONS.order_by(organizations.c.ordinal))
        return [Organization(**row._mapping) for row in rows]

    def _one(self, query: Select[Any]) -> Organization | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Organization(**row._mapping)


class SqlProjects:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, project: Project) -> None:
        self._connection.execute(insert(projects).values(values_of(project)))

    def get(self, organization_id: str, project_id: str) -> Project | None:
        query = select(projects).where(projects.c.id == project_id, projects.c.organization_id == organization_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Project(**row._mapping)

    def save(self, project: Project) -> None:
        save(self._connection, projects, values_of(project), "project")

    def list(
        self,
        organization_id: str,
        page: Page,
        *,
        include_archived: bool = False,
        only: Collection[str] | None = None,
    ) -> Listed[Project]:
        filters = [] if include_archived else [projects.c.archived_at.is_(None)]
        if only is not None:
            filters.append(projects.c.id.in_(only))
        scope = [projects.c.organization_id == organization_id]
        rows, has_more = page_of(self._connection, projects, scope, filters, page)
        return Listed(tuple(Project(**row._mapping) for row in rows), has_more)


class SqlServiceAccounts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, account: ServiceAccount) -> None:
        self._connection.execute(insert(service_accounts).values(values_of(account)))

    def get(
        self, organization_id: str, project_id: str, account_id: str, *, include_deleted: bool = False
    ) -> ServiceAccount | None:
        query = select(service_accounts).where(
            service_accounts.c.id == account_id,
            service_accounts.c.organization_id == organization_id,
            service_accounts.c.project_id == project_id,
        )
        if not include_deleted:
            query = query.where(service_accounts.c.deleted_at.is_(None))
        row = self._connection.execute(query).one_or_none()
        return None if row is None else ServiceAccount(**row._mapping)

    def some(self, organization_id: str, account_ids: Sequence[str]) -> Mapping[str, ServiceAccount]:
        found = {}
        for some in slices(account_ids):
            mine = service_accounts.c.organization_id == organization_id, service_accounts.c.id.in_(some)
            for row in self._connection.execute(select(service_accounts).where(*mine)):
                found[row.id] = ServiceAccount(**row._mapping)
        return found

    def save(self, account: ServiceAccount) -> None:
        save(self._connection, service_accounts, values_of(account), "service account")

    def list(self, organization_id: str, project_id: str, page: Page) -> Listed[ServiceAccount]:
        scope = [
            service_accounts.c.organization_id == organization_id,
            service_accounts.c.project_id == project_id,
        ]
        filters = [service_accounts.c.deleted_at.is_(None)]
        rows, has_more = page_of(self._connection, service_accounts, scope, filters, page)
        return Listed(tuple(ServiceAccount(**row._mapping) for row in rows), has_more)
