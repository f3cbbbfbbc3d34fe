"""What OpenAI's clients keep with a project: where its data is to reside, and what its external key is called."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Text

revision = "0023"
down_revision = "0021"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        op.add_column("projects", sa.Column("residency", sa.Text))
        op.add_column("projects", sa.Column("external_key_id", Text))
