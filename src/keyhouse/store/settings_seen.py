"""The settings of the last start."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from keyhouse.store.audit_tables import settings_seen


class SqlSettingsSeen:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> Mapping[str, tuple[str, bytes]]:
        query = select(settings_seen).order_by(settings_seen.c.name)
        return {row.name: (row.pepper_id, row.digest) for row in self._connection.execute(query)}

    def replace(self, digests: Mapping[str, tuple[str, bytes]]) -> None:
        self._connection.execute(delete(settings_seen))
        rows = [{"name": n, "pepper_id": pepper_id, "digest": d} for n, (pepper_id, d) in digests.items()]
        if rows:
            self._connection.execute(insert(settings_seen), rows)
