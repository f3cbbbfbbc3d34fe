"""The ledger's one table, append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Serial, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    if not concerns(Part.LEDGER):
        return
    op.create_table(
        "calls",
        sa.Column("seq", Serial, nullable=False),
        sa.Column("request_id", Text, nullable=False),
        sa.Column("admitted_at_us", sa.BigInteger, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("project_id", Text, nullable=False),
        sa.Column("user_id", Text),
        sa.Column("service_account_id", Text),
        sa.Column("key_id", Text, nullable=False),
        sa.Column("public_id", Text, nullable=False),
        sa.Column("client_request_id", Text),
        sa.Column("operation", Text, nullable=False),
        sa.Column("model_asked", Text),
        sa.Column("model_answered", Text),
        sa.Column("upstream", Text),
        sa.Column("streamed", sa.BigInteger, nullable=False),
        sa.Column("status", sa.BigInteger, nullable=False),
        sa.Column("outcome", Text, nullable=False),
        sa.Column("error_code", Text),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
        sa.Column("input_audio_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_audio_tokens", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.BigInteger, nullable=False),
        sa.Column("service_tier", Text),
        sa.Column("pricing", Text, nullable=False),
        sa.Column("price_id", Text),
        sa.Column("cost_nanos", sa.BigInteger),
        sa.Column("cost_input_nanos", sa.BigInteger),
        sa.Column("cost_cached_nanos", sa.BigInteger),
        sa.Column("cost_output_nanos", sa.BigInteger),
        sa.Column("queue_us", sa.BigInteger, nullable=False),
        sa.Column("first_byte_us", sa.BigInteger),
        sa.Column("total_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_calls"),
        sa.UniqueConstraint("request_id", name="uq_calls_request_id"),
    )
