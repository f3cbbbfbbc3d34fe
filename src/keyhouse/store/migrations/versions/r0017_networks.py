"""The networks that a key may be used from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns

revision = "0017"
down_revision = "0014"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        op.add_column("keys", sa.Column("ip_allowlist", sa.Text))
