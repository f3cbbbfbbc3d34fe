"""What is to be told to somebody outside: mail and webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Text

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        _create_notices()
        _create_told()
        _create_webhook_secrets()


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("destination", Text, nullable=False),
        sa.Column("lane", Text, nullable=False),
        sa.Column("about", Text, nullable=False),
        sa.Column("payload", Text, nullable=False),
        sa.Column("subject", Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("delivered_at", sa.BigInteger),
        sa.Column("failed_at", sa.BigInteger),
        sa.Column("last_error", Text),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_notices_organization_id"),
    )
    op.create_index("ix_notices_organization_id_created_at_id", "notices", ["organization_id", "created_at", "id"])
    op.create_index("ix_notices_next_attempt_at", "notices", ["next_attempt_at"])


def _create_told() -> None:
    op.create_table(
        "told",
        sa.Column("about", Text, nullable=False),
        sa.Column("period_start", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("told_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("about", "period_start", name="pk_told"),
    )


def _create_webhook_secrets() -> None:
    op.create_table(
        "webhook_secrets",
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name="pk_webhook_secrets"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_webhook_secrets_organization_id"),
    )
