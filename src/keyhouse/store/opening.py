"""Opening the store that the settings name. Each backend is imported only where it is used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from keyhouse.store.contract import Store


def open_store(data_dir: Path, database_url: str | None = None) -> Store:
    """The database of the URL (`postgresql://…`), or the embedded one in the data directory.

    Creates or upgrades its schema. Raises `SchemaError`, or `KeyhouseError` with `store_unavailable` or `invalid_value`.
    """
    if database_url is not None:
        from keyhouse.store.postgres import open_postgres

        return open_postgres(database_url)
    from keyhouse.store.sqlite import open_sqlite

    return open_sqlite(data_dir)


def schema_versions(data_dir: Path, database_url: str | None = None) -> Mapping[str, str | None]:
    """The schema of each of the house's databases, None for one that is absent or empty; nothing is made or upgraded.

    Raises `SchemaError` for a database that is damaged or not ours, `KeyhouseError` with `store_unavailable` or `invalid_value`.
    """
    if database_url is not None:
        from keyhouse.store.postgres import postgres_version

        return postgres_version(database_url)
    from keyhouse.store.sqlite import sqlite_versions

    return sqlite_versions(data_dir)
