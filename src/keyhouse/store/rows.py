"""Between rows and the domain's objects: columns are named as their fields are."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Table, update

from keyhouse.domain.errors import not_found


def values_of(item: Any) -> dict[str, Any]:
    """A flat dataclass as column values."""
    return {field.name: getattr(item, field.name) for field in fields(item)}


def save(connection: Connection, table: Table, values: dict[str, Any], what: str) -> None:
    """Overwrites the row with this id. Raises `not_found` if it was never added."""
    if connection.execute(update(table).where(table.c.id == values["id"]).values(values)).rowcount != 1:
        raise not_found(what, values["id"])
