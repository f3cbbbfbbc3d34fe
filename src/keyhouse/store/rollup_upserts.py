"""Adding many sums to what rollups hold: all in one go, because binding each number by its name costs many times more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Connection, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from keyhouse.store.contract import RollupKey, RollupSums, Width
from keyhouse.store.rollup_folds import IDENTITY, added
from keyhouse.store.tables import rollups

Row = tuple[int | str, ...]
_COLUMNS = ("width", "organization_id", "bucket", *RollupKey._fields[2:], *RollupSums._fields)
_NUMBERS = {"width", "bucket", *RollupSums._fields}


def row_of(width: Width, key: RollupKey, sums: RollupSums) -> Row:
    """A row as `upsert` takes it."""
    return (width.value, key[1], key[0], *key[2:], *sums)


def upsert(connection: Connection, rows: Sequence[Row]) -> None:
    """Adds each row's sums to those of its key, of which it is the only one. Texts must be clean."""
    _UPSERTS[connection.dialect.name](connection, rows)


def _upsert_sqlite(connection: Connection, rows: Sequence[Row]) -> None:
    connection.exec_driver_sql(_SQLITE, list(rows))


def _upsert_postgres(connection: Connection, rows: Sequence[Row]) -> None:
    """All rows in one parameter, of which the database makes rows again."""
    connection.execute(_POSTGRES, {"rows": msgspec.json.encode(rows).decode()})


def _sqlite_statement() -> str:
    insert = sqlite.insert(rollups)
    statement = insert.on_conflict_do_update(index_elements=IDENTITY, set_=added(insert.excluded))
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - so that the type checker knows
    assert compiled.positiontup == list(_COLUMNS)  # noqa: S101 - rows are given in this order
    return str(compiled)


def _postgres_statement() -> str:
    values = (f"(r->>{n})::bigint" if name in _NUMBERS else f"r->>{n}" for n, name in enumerate(_COLUMNS))
    sums = (f"{name} = rollups.{name} + excluded.{name}" for name in RollupSums._fields)
    return (
        f"INSERT INTO rollups ({', '.join(_COLUMNS)})"  # noqa: S608 - names of columns only
        f" SELECT {', '.join(values)} FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS given (r)"
        f" ON CONFLICT ({', '.join(column.name for column in IDENTITY)}) DO UPDATE SET {', '.join(sums)}"
    )


_SQLITE = _sqlite_statement()
_POSTGRES = text(_postgres_statement())
_UPSERTS: dict[str, Callable[[Connection, Sequence[Row]], None]] = {
    "sqlite": _upsert_sqlite,
    "postgresql": _upsert_postgres,
}
