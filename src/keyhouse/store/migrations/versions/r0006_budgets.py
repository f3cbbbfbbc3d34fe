"""Budgets, alerts at thresholds, and what they have fired."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        _create_budgets()
        _create_spend_alerts()


def _create_budgets() -> None:
    op.create_table(
        "budgets",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("scope_id", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("amount_nanos", sa.BigInteger, nullable=False),
        sa.Column("interval", sa.Text, nullable=False),
        sa.Column("at_end", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("throttle_per_minute", sa.BigInteger),
        sa.Column("increase_nanos", sa.BigInteger, nullable=False),
        sa.Column("increase_until", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_budgets"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_budgets_organization_id"),
        sa.UniqueConstraint("scope_id", "name", name="uq_budgets_scope_id_name"),
    )
    op.create_index("ix_budgets_of_organization", "budgets", ["organization_id", "created_at", "id"])
    op.create_index("ix_budgets_of_level", "budgets", ["level", "organization_id", "created_at", "id"])
    op.create_index("ix_budgets_of_scope", "budgets", ["scope_id", "created_at", "id"])


def _create_spend_alerts() -> None:
    op.create_table(
        "spend_alerts",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("scope_id", Text, nullable=False),
        sa.Column("threshold_nanos", sa.BigInteger, nullable=False),
        sa.Column("interval", sa.Text, nullable=False),
        sa.Column("recipients", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("subject_prefix", Text),
        sa.Column("webhook_url", Text),
        sa.PrimaryKeyConstraint("id", name="pk_spend_alerts"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_spend_alerts_organization_id"),
    )
    op.create_index("ix_spend_alerts_of_organization", "spend_alerts", ["organization_id", "created_at", "id"])
    op.create_index("ix_spend_alerts_of_scope", "spend_alerts", ["scope_id", "created_at", "id"])
    op.create_table(
        "spend_alerts_fired",
        sa.Column("alert_id", Text, nullable=False),
        sa.Column("period_start", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("fired_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "period_start", name="pk_spend_alerts_fired"),
        sa.ForeignKeyConstraint(["alert_id"], ["spend_alerts.id"], name="fk_spend_alerts_fired_alert_id"),
    )
