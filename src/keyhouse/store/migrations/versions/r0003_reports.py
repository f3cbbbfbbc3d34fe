"""What reports read: rollups with their mark, and the bounded log of refusals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Serial, Text

revision = "0003"
down_revision = "0002"

_ROLLUP_KEY = (
    "project_id", "user_id", "service_account_id", "key_id", "operation", "model", "upstream", "service_tier", "outcome",
    "pricing",
)  # fmt: skip
_ROLLUP_SUMS = (
    "requests", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
    "input_audio_tokens", "output_audio_tokens", "cost_input_nanos", "cost_cached_nanos", "cost_output_nanos",
    "unpriced_requests", "estimated_requests",
)  # fmt: skip


def upgrade() -> None:
    if concerns(Part.CONTROL):
        _create_rollups()
        _create_refusals()


def _create_rollups() -> None:
    op.create_table(
        "rollups",
        sa.Column("width", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("bucket", sa.BigInteger, autoincrement=False, nullable=False),
        *(sa.Column(name, Text, nullable=False) for name in _ROLLUP_KEY),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _ROLLUP_SUMS),
        sa.PrimaryKeyConstraint("width", "organization_id", "bucket", *_ROLLUP_KEY, name="pk_rollups"),
        sqlite_with_rowid=False,
    )
    mark = op.create_table(
        "rollup_mark",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("through_seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rollup_mark"),
    )
    op.execute(mark.insert().values(id=1, through_seq=0))


def _create_refusals() -> None:
    op.create_table(
        "refusals",
        sa.Column("seq", Serial, nullable=False),
        sa.Column("request_id", Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("project_id", Text),
        sa.Column("key_id", Text, nullable=False),
        sa.Column("operation", Text),
        sa.Column("model", Text),
        sa.Column("status", sa.BigInteger, nullable=False),
        sa.Column("code", Text, nullable=False),
        sa.Column("message", Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_refusals"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_refusals_organization_id_seq", "refusals", ["organization_id", "seq"])
