"""A whole house from one database into the files of another."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, Table, delete, insert, select

from keyhouse.store import files, tables
from keyhouse.store.sqlite import CONTROL_FILE, LEDGER_FILE, open_sqlite, sqlite_engine

_ROWS_AT_ONCE = 2000


def copy_to_sqlite(source: Connection, folder: Path) -> None:
    """Copies every table, as the connection's snapshot has it, into an empty folder."""
    files.claim_empty(folder)
    open_sqlite(folder).close()
    for name, metadata in ((CONTROL_FILE, tables.control), (LEDGER_FILE, tables.ledger)):
        engine = sqlite_engine(folder / name, "BEGIN IMMEDIATE", connections=1)
        try:
            _copy_tables(source, engine, metadata.sorted_tables)
        finally:
            engine.dispose()
        files.sync_file(folder / name)
    (folder / files.LOCK_FILE).unlink()
    files.sync_folder(folder)


def _copy_tables(source: Connection, target: Engine, ordered: list[Table]) -> None:
    """In the order of their references. A fresh schema has rows of its own (the rollups' mark), which give way."""
    with target.begin() as connection:
        for table in ordered:
            connection.execute(delete(table))
            at_once = table.info.get(tables.COPIED_AT_ONCE, _ROWS_AT_ONCE)
            for rows in source.execute(select(table), execution_options={"yield_per": at_once}).partitions():
                connection.execute(insert(table), [dict(row._mapping) for row in rows])
