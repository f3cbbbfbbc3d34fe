"""The bounded log of refused calls."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from keyhouse.domain.usage import RefusedCall
from keyhouse.store.tables import refusals

_FIELDS = [refusals.c[name] for name in RefusedCall._fields]


class SqlRefusals:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, calls: Sequence[RefusedCall], keep: int) -> None:
        if not calls:
            return
        self._connection.execute(insert(refusals), [call._asdict() for call in calls])
        for organization_id in {call.organization_id for call in calls}:
            self._drop_oldest(organization_id, keep)

    def newest(self, organization_id: str, limit: int = 100) -> Sequence[RefusedCall]:
        query = select(*_FIELDS).where(refusals.c.organization_id == organization_id)
        rows = self._connection.execute(query.order_by(refusals.c.seq.desc()).limit(limit))
        return [RefusedCall(*row) for row in rows]

    def _drop_oldest(self, organization_id: str, keep: int) -> None:
        of_organization = refusals.c.organization_id == organization_id
        newest_too_old = (
            select(refusals.c.seq).where(of_organization).order_by(refusals.c.seq.desc()).limit(1).offset(keep)
        )
        self._connection.execute(
            delete(refusals).where(of_organization, refusals.c.seq <= newest_too_old.scalar_subquery())
        )
