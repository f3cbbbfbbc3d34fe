"""Requests for increases."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from keyhouse.domain.increases import IncreaseRequest, IncreaseStatus
from keyhouse.store.contract import Listed, Page
from keyhouse.store.money_tables import increase_requests
from keyhouse.store.paging import page_of
from keyhouse.store.rows import save, values_of


class SqlIncreaseRequests:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, request: IncreaseRequest) -> None:
        self._connection.execute(insert(increase_requests).values(values_of(request)))

    def get(self, organization_id: str, request_id: str) -> IncreaseRequest | None:
        query = select(increase_requests).where(
            increase_requests.c.id == request_id, increase_requests.c.organization_id == organization_id
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else IncreaseRequest(**row._mapping)

    def save(self, request: IncreaseRequest) -> None:
        save(self._connection, increase_requests, values_of(request), "increase request")

    def list(self, organization_id: str, page: Page, status: IncreaseStatus | None = None) -> Listed[IncreaseRequest]:
        scope = [increase_requests.c.organization_id == organization_id]
        filters = [] if status is None else [increase_requests.c.status == status]
        rows, has_more = page_of(self._connection, increase_requests, scope, filters, page)
        return Listed(tuple(IncreaseRequest(**row._mapping) for row in rows), has_more)
