"""Between rows and the domain's objects: columns are named as their fields are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Table, update

from keyhouse.domain.errors import not_found

_IDS_A_STATEMENT = 500


def values_of(item: Any) -> dict[str, Any]:
    """A flat dataclass as column values."""
    return {field.name: getattr(item, field.name) for field in fields(item)}


def save(connection: Connection, table: Table, values: dict[str, Any], what: str) -> None:
    """Overwrites the row with this id. Raises `not_found` if it was never added."""
    if connection.execute(update(table).where(table.c.id == values["id"]).values(values)).rowcount != 1:
        raise not_found(what, values["id"])


def slices(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """As many ids as a statement should name at once."""
    return (ids[start : start + _IDS_A_STATEMENT] for start in range(0, len(ids), _IDS_A_STATEMENT))
