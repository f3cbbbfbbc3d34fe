"""The audit log, in the order in which things happened."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select

from keyhouse.domain.audit import Actor, AuditEvent
from keyhouse.store.contract import Listed, Page
from keyhouse.store.paging import checked_limit, cut, place_of
from keyhouse.store.rows import values_of
from keyhouse.store.tables import audit


class SqlAuditLog:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, event: AuditEvent) -> None:
        values = values_of(event)
        actor = {f"actor_{name}": value for name, value in values_of(values.pop("actor")).items()}
        self._connection.execute(insert(audit).values(**values, **actor))

    def list(self, organization_id: str, page: Page) -> Listed[AuditEvent]:
        scope = [audit.c.organization_id == organization_id]
        query = select(audit).where(*scope).order_by(audit.c.seq.desc()).limit(checked_limit(page) + 1)
        if page.after is not None:
            query = query.where(audit.c.seq < place_of(self._connection, [audit.c.seq], audit, scope, page.after).seq)
        rows, has_more = cut(self._connection.execute(query).all(), page)
        return Listed(tuple(map(_event, rows)), has_more)


def _event(row: Row[Any]) -> AuditEvent:
    return AuditEvent(
        row.id,
        row.at,
        row.organization_id,
        row.type,
        Actor(row.actor_kind, row.actor_user_id, row.actor_key_id, row.actor_address),
        row.object_id,
        row.project_id,
        row.details,
    )
