"""Fingerprints of the peppers and master keys that live outside the database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from keyhouse.store.contract import KeyMaterial
from keyhouse.store.tables import materials


class SqlMaterials:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, material: KeyMaterial) -> None:
        self._connection.execute(insert(materials).values(material._asdict()))

    def all(self) -> Sequence[KeyMaterial]:
        query = select(materials).order_by(materials.c.created_at, materials.c.kind, materials.c.id)
        return [KeyMaterial(*row) for row in self._connection.execute(query)]
