"""Answers kept for a retry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Text

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        op.create_table(
            "idempotency_claims",
            sa.Column("key_id", Text, nullable=False),
            sa.Column("digest", sa.LargeBinary, nullable=False),
            sa.Column("organization_id", Text, nullable=False),
            sa.Column("body_digest", sa.LargeBinary, nullable=False),
            sa.Column("request_id", Text, nullable=False),
            sa.Column("claimed_at", sa.BigInteger, nullable=False),
            sa.Column("expires_at", sa.BigInteger, nullable=False),
            sa.Column("state", sa.Text, nullable=False),
            sa.Column("holder", Text),
            sa.Column("answer", sa.LargeBinary),
            sa.PrimaryKeyConstraint("key_id", "digest", name="pk_idempotency_claims"),
            sa.ForeignKeyConstraint(
                ["organization_id"], ["organizations.id"], name="fk_idempotency_claims_organization_id"
            ),
        )
        op.create_index("ix_idempotency_claims_expires_at", "idempotency_claims", ["expires_at"])
        op.create_index("ix_idempotency_claims_holder", "idempotency_claims", ["holder"])
