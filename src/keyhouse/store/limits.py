"""Rate limits of models."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from keyhouse.domain.limits import NOTHING_SET, RateLimitRule
from keyhouse.store.money_tables import rate_limits
from keyhouse.store.rows import values_of


class SqlRateLimitRules:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> Sequence[RateLimitRule]:
        query = select(rate_limits).order_by(rate_limits.c.organization_id, rate_limits.c.model, rate_limits.c.id)
        return [RateLimitRule(**row._mapping) for row in self._connection.execute(query)]

    def of_project(self, organization_id: str, project_id: str | None) -> Sequence[RateLimitRule]:
        query = select(rate_limits).where(
            rate_limits.c.organization_id == organization_id, rate_limits.c.project_id == project_id
        )
        rows = self._connection.execute(query.order_by(rate_limits.c.model))
        return [RateLimitRule(**row._mapping) for row in rows]

    def get(self, organization_id: str, rule_id: str) -> RateLimitRule | None:
        query = select(rate_limits).where(rate_limits.c.id == rule_id, rate_limits.c.organization_id == organization_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else RateLimitRule(**row._mapping)

    def put(self, rule: RateLimitRule) -> None:
        # Writers are serialised, so nobody can come between the two.
        self._connection.execute(delete(rate_limits).where(rate_limits.c.id == rule.id))
        if rule.limits != NOTHING_SET:
            self._connection.execute(insert(rate_limits).values(values_of(rule)))
