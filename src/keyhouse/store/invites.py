"""Invites; of a link's token only the digest."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from keyhouse.domain.audit import EventType
from keyhouse.domain.people import Invite
from keyhouse.store.contract import Listed, Page
from keyhouse.store.paging import born_by, page_of
from keyhouse.store.people_tables import invites
from keyhouse.store.rows import save, values_of


class SqlInvites:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, invite: Invite) -> None:
        self._connection.execute(insert(invites).values(values_of(invite)))

    def get(self, organization_id: str, invite_id: str) -> Invite | None:
        query = select(invites).where(invites.c.organization_id == organization_id, invites.c.id == invite_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Invite(**row._mapping)

    def by_token(self, token_digest: bytes) -> Invite | None:
        row = self._connection.execute(select(invites).where(invites.c.token_digest == token_digest)).one_or_none()
        return None if row is None else Invite(**row._mapping)

    def to(self, organization_id: str, email: str) -> Sequence[Invite]:
        query = select(invites).where(invites.c.organization_id == organization_id, invites.c.email == email)
        return [Invite(**row._mapping) for row in self._connection.execute(query.order_by(invites.c.created_at))]

    def save(self, invite: Invite) -> None:
        save(self._connection, invites, values_of(invite), "invite")

    def remove(self, organization_id: str, invite_id: str) -> None:
        this = [invites.c.organization_id == organization_id, invites.c.id == invite_id]
        self._connection.execute(delete(invites).where(*this))

    def list(self, organization_id: str, page: Page) -> Listed[Invite]:
        scope = [invites.c.organization_id == organization_id]
        rows, has_more = page_of(
            self._connection, invites, scope, [], page, born=born_by(organization_id, EventType.INVITE_SENT)
        )
        return Listed(tuple(Invite(**row._mapping) for row in rows), has_more)
