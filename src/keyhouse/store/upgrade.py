"""Bringing a database to the schema of this Keyhouse, with Alembic, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from keyhouse.store.contract import SchemaError
from keyhouse.store.faults import reason
from keyhouse.store.migrations import Part
from keyhouse.store.schema import HEAD, version_of

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, parts: Iterable[Part], where: str, target: str = HEAD) -> None:
    """Upgrades to `target`, or leaves everything as it is. The caller holds the lock that keeps other processes out.

    Raises `SchemaError` if the schema is newer than this Keyhouse, or a step fails.
    """
    require_known(connection, where)
    config = _config()
    config.attributes["connection"] = connection
    config.attributes["parts"] = frozenset(parts)
    try:
        command.upgrade(config, target)
    except DBAPIError as error:
        raise SchemaError(f"{where} cannot be upgraded and was left as it is: {reason(error.orig)}.") from error


def require_known(connection: Connection, where: str) -> None:
    """Raises `SchemaError` unless the schema is one that this Keyhouse has had, or there is none yet."""
    version = version_of(connection)
    if version is not None and version not in revisions():
        raise SchemaError(
            f"{where} has schema {version}, this Keyhouse knows schemas up to {HEAD}: it was written by a newer one. "
            "Install that version again, or restore a backup from before the upgrade."
        )


def revisions() -> list[str]:
    """Every schema there ever was, oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def _config() -> Config:
    config = Config()
    # Alembic reads options through configparser, to which a percent sign is special.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
