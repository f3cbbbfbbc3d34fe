"""Model permissions of projects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        op.add_column("projects", sa.Column("model_permissions", sa.Text))
