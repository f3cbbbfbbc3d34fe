"""Spend alerts, and what they have fired."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, exists, insert, literal, or_, select

from keyhouse.domain.audit import EventType
from keyhouse.domain.spend_alerts import SpendAlert
from keyhouse.store.budgets import filters_of
from keyhouse.store.contract import Listed, Page, ScopeFilter
from keyhouse.store.money_tables import spend_alerts, spend_alerts_fired
from keyhouse.store.paging import born_by, page_of
from keyhouse.store.rows import save, values_of


class SqlSpendAlerts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, alert: SpendAlert) -> None:
        self._connection.execute(insert(spend_alerts).values(values_of(alert)))

    def save(self, alert: SpendAlert) -> None:
        table, fired = spend_alerts, spend_alerts_fired
        another = or_(table.c.threshold_nanos != alert.threshold_nanos, table.c.interval != alert.interval)
        moved = exists().where(table.c.id == alert.id, another)
        self._connection.execute(delete(fired).where(fired.c.alert_id == alert.id, moved))
        save(self._connection, table, values_of(alert), "spend alert")

    def remove(self, alert_id: str) -> None:
        self._connection.execute(delete(spend_alerts_fired).where(spend_alerts_fired.c.alert_id == alert_id))
        self._connection.execute(delete(spend_alerts).where(spend_alerts.c.id == alert_id))

    def get(self, organization_id: str, alert_id: str) -> SpendAlert | None:
        table = spend_alerts
        query = select(table).where(table.c.id == alert_id, table.c.organization_id == organization_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else SpendAlert(**row._mapping)

    def list(self, organization_id: str, where: ScopeFilter, page: Page) -> Listed[SpendAlert]:
        scope = [spend_alerts.c.organization_id == organization_id, *filters_of(spend_alerts, where)]
        born = born_by(organization_id, EventType.SPEND_ALERT_CREATED)
        rows, has_more = page_of(self._connection, spend_alerts, scope, [], page, born=born)
        return Listed(tuple(SpendAlert(**row._mapping) for row in rows), has_more)

    def all(self) -> Sequence[SpendAlert]:
        query = select(spend_alerts).order_by(spend_alerts.c.created_at, spend_alerts.c.id)
        return [SpendAlert(**row._mapping) for row in self._connection.execute(query)]

    def mark_fired(self, alert_id: str, period_start: int, at: int) -> bool:
        # Writers are serialised, so that nobody else fires between the look and the note.
        if self.has_fired(alert_id, period_start):
            return False
        noted = select(spend_alerts.c.id, literal(period_start), literal(at)).where(spend_alerts.c.id == alert_id)
        into = insert(spend_alerts_fired).from_select(["alert_id", "period_start", "fired_at"], noted)
        return self._connection.execute(into).rowcount == 1

    def has_fired(self, alert_id: str, period_start: int) -> bool:
        fired = spend_alerts_fired
        query = select(fired.c.alert_id).where(fired.c.alert_id == alert_id, fired.c.period_start == period_start)
        return self._connection.scalars(query).one_or_none() is not None
