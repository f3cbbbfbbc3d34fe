"""The feed by which running gateways learn of control's facts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from keyhouse.store.contract import Change, ChangeKind
from keyhouse.store.tables import changes


class SqlChanges:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, kind: ChangeKind, object_id: str) -> int:
        # Commit order: writers are serialised, so that whoever takes a number commits before the next one is taken.
        written = insert(changes).values(kind=kind, object_id=object_id).returning(changes.c.seq)
        return int(self._connection.scalars(written).one())

    def since(self, seq: int, limit: int = 1000) -> Sequence[Change]:
        query = select(changes).where(changes.c.seq > seq).order_by(changes.c.seq).limit(limit)
        return [Change(*row) for row in self._connection.execute(query)]

    def head(self) -> int:
        return int(self._connection.scalars(select(func.coalesce(func.max(changes.c.seq), 0))).one())
