"""Upstreams, listed in pages."""

from __future__ import annotations

from alembic import op

from keyhouse.store.migrations import Part, concerns

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        op.create_index("ix_upstreams_of_organization", "upstreams", ["organization_id", "created_at", "id"])
