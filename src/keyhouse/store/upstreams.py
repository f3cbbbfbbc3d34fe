"""Upstreams."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from keyhouse.domain.audit import EventType
from keyhouse.domain.upstreams import Upstream
from keyhouse.store.contract import Listed, Page
from keyhouse.store.paging import born_by, page_of
from keyhouse.store.rows import save, values_of
from keyhouse.store.tables import upstreams


class SqlUpstreams:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, upstream: Upstream) -> None:
        self._connection.execute(insert(upstreams).values(values_of(upstream)))

    def get(self, organization_id: str, upstream_id: str) -> Upstream | None:
        query = select(upstreams).where(upstreams.c.id == upstream_id, upstreams.c.organization_id == organization_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Upstream(**row._mapping)

    def by_name(self, organization_id: str, name: str) -> Upstream | None:
        query = select(upstreams).where(upstreams.c.organization_id == organization_id, upstreams.c.name == name)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Upstream(**row._mapping)

    def save(self, upstream: Upstream) -> None:
        save(self._connection, upstreams, values_of(upstream), "upstream")

    def remove(self, upstream_id: str) -> None:
        self._connection.execute(delete(upstreams).where(upstreams.c.id == upstream_id))

    def list(self, organization_id: str, page: Page) -> Listed[Upstream]:
        scope = [upstreams.c.organization_id == organization_id]
        born = born_by(organization_id, EventType.UPSTREAM_CREATED)
        rows, has_more = page_of(self._connection, upstreams, scope, [], page, born=born)
        return Listed(tuple(Upstream(**row._mapping) for row in rows), has_more)

    def all(self) -> Sequence[Upstream]:
        query = select(upstreams).order_by(upstreams.c.created_at, upstreams.c.id)
        return [Upstream(**row._mapping) for row in self._connection.execute(query)]
