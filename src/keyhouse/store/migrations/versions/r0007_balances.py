"""What is spent of each budget in each period: written with the rows that spend it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    if not concerns(Part.LEDGER):
        return
    op.create_table(
        "balances",
        sa.Column("scope_id", Text, nullable=False),
        sa.Column("budget_id", Text, nullable=False),
        sa.Column("period_start", sa.BigInteger, nullable=False),
        sa.Column("period_end", sa.BigInteger, nullable=False),
        sa.Column("spent_nanos", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("scope_id", "budget_id", "period_start", name="pk_balances"),
    )
    op.create_index("ix_balances_scope_id_period_end", "balances", ["scope_id", "period_end"])
