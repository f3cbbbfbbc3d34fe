"""Data retention of organizations and projects, and the hosted tools that projects deny."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        for table, name, default in (
            ("organizations", "data_retention", "modified_abuse_monitoring"),
            ("projects", "data_retention", "organization_default"),
            ("projects", "denied_tools", "[]"),
        ):
            op.add_column(table, sa.Column(name, sa.Text, nullable=False, server_default=default))
