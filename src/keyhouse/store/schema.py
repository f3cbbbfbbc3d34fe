"""Which schema a database has. Alembic, slow to import, is needed only where something must be upgraded (upgrade.py)."""

from __future__ import annotations

from enum import Enum

from sqlalchemy import Connection, column, inspect, select, table

from keyhouse.store.contract import SchemaError

HEAD = "0025"
VERSION_TABLE = "keyhouse_schema"


class State(Enum):
    CURRENT = "current"
    EMPTY = "empty"
    OTHER = "other"
    """Older, newer, or damaged: upgrade.py tells which."""


def state_of(connection: Connection, where: str) -> State:
    """Raises `SchemaError` for a database that holds tables which are not ours; `where` names it in the sentence."""
    if version_of(connection) == HEAD:
        return State.CURRENT
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return State.EMPTY
    if VERSION_TABLE not in tables:
        some = ", ".join(sorted(tables)[:3])
        raise SchemaError(f"{where} holds tables that are not Keyhouse's ({some}); give it a database of its own.")
    return State.OTHER


def version_of(connection: Connection) -> str | None:
    """The revision that the database says it has, None if it says nothing."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalars(select(column("version_num")).select_from(table(VERSION_TABLE))).one_or_none()
