"""When a key was deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        op.add_column("keys", sa.Column("deleted_at", sa.BigInteger))
