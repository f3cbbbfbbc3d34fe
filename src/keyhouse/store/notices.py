"""Notices, and the secrets that sign webhooks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from keyhouse.domain.notices import Notice, NoticeState
from keyhouse.store.contract import Listed, Page
from keyhouse.store.money_tables import notices, told, webhook_secrets
from keyhouse.store.paging import page_of
from keyhouse.store.rows import values_of

_STATES = {
    NoticeState.WAITING: notices.c.next_attempt_at.is_not(None),
    NoticeState.DELIVERED: notices.c.delivered_at.is_not(None),
    NoticeState.FAILED: notices.c.failed_at.is_not(None),
}


class SqlNotices:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, notice: Notice) -> None:
        self._connection.execute(insert(notices).values({**values_of(notice), "lane": notice.lane}))

    def claim(self, now: int, until: int, limit: int, busy: Collection[str] = ()) -> Sequence[Notice]:
        due = notices.c.next_attempt_at
        order = (due, notices.c.created_at, notices.c.id)
        place = func.row_number().over(partition_by=notices.c.lane, order_by=order).label("place")
        waiting = select(notices.c.id, due, place).where(due <= now, notices.c.lane.not_in(list(busy))).subquery()
        first = select(waiting.c.id).where(waiting.c.place == 1).order_by(waiting.c.next_attempt_at, waiting.c.id)
        chosen = list(self._connection.scalars(first.limit(limit)))
        if not chosen:
            return []
        rows = self._connection.execute(select(notices).where(notices.c.id.in_(chosen)).order_by(*order)).all()
        claimed = {"next_attempt_at": until, "attempts": notices.c.attempts + 1}
        self._connection.execute(update(notices).where(notices.c.id.in_(chosen)).values(claimed))
        found = map(_notice, rows)
        return [replace(notice, attempts=notice.attempts + 1, next_attempt_at=until) for notice in found]

    def delivered(self, notice_id: str, at: int) -> None:
        self._set(notice_id, delivered_at=at, next_attempt_at=None, last_error=None)

    def put_off(self, notice_id: str, until: int, error: str) -> None:
        self._set(notice_id, next_attempt_at=until, last_error=error)

    def give_up(self, notice_id: str, at: int, error: str) -> None:
        self._set(notice_id, failed_at=at, next_attempt_at=None, last_error=error)

    def get(self, organization_id: str, notice_id: str) -> Notice | None:
        query = select(notices).where(notices.c.id == notice_id, notices.c.organization_id == organization_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _notice(row)

    def list(self, organization_id: str, state: NoticeState | None, page: Page) -> Listed[Notice]:
        scope = [notices.c.organization_id == organization_id]
        filters = [] if state is None else [_STATES[state]]
        rows, has_more = page_of(self._connection, notices, scope, filters, replace(page, newest_first=True))
        return Listed(tuple(map(_notice, rows)), has_more)

    def next_attempt_at(self) -> int | None:
        due = notices.c.next_attempt_at
        query = select(due).where(due.is_not(None)).order_by(due).limit(1)
        return self._connection.scalars(query).one_or_none()

    def purge(self, before: int) -> int:
        over = notices.c.created_at < before, notices.c.next_attempt_at.is_(None)
        return self._connection.execute(delete(notices).where(*over)).rowcount

    def first_time(self, about: str, period_start: int, at: int) -> bool:
        # Writers are serialised, so that nobody else says so between the look and the note.
        if self.was_told(about, period_start):
            return False
        self._connection.execute(insert(told).values(about=about, period_start=period_start, told_at=at))
        return True

    def was_told(self, about: str, period_start: int) -> bool:
        query = select(told.c.about).where(told.c.about == about, told.c.period_start == period_start)
        return self._connection.scalars(query).one_or_none() is not None

    def _set(self, notice_id: str, **values: Any) -> None:
        # What is delivered or given up stays so, whatever a claimant says that was slower than its claim.
        waiting = notices.c.id == notice_id, notices.c.next_attempt_at.is_not(None)
        self._connection.execute(update(notices).where(*waiting).values(values))


class SqlWebhookSecrets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, organization_id: str) -> bytes | None:
        query = select(webhook_secrets.c.sealed).where(webhook_secrets.c.organization_id == organization_id)
        return self._connection.scalars(query).one_or_none()

    def put(self, organization_id: str, sealed: bytes, at: int) -> None:
        mine = webhook_secrets.c.organization_id == organization_id
        self._connection.execute(delete(webhook_secrets).where(mine))
        row = {"organization_id": organization_id, "sealed": sealed, "created_at": at}
        self._connection.execute(insert(webhook_secrets).values(row))


def _notice(row: Row[Any]) -> Notice:
    values: dict[Any, Any] = dict(row._mapping)
    del values["lane"]
    return Notice(**values)
