"""Run by Alembic for every upgrade. The caller (upgrade.py) brings the connection, inside the transaction that it will commit."""

from __future__ import annotations

from alembic import context

from keyhouse.store.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    parts=context.config.attributes["parts"],
    version_table=VERSION_TABLE,
    # SQLite's DDL is transactional once the driver leaves BEGIN to us, which sqlite.py makes it do.
    transactional_ddl=True,
)
context.run_migrations()
