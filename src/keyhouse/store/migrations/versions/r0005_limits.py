"""Rate limits of models in projects, and of keys; requests for increases; what limits of a day have counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        op.add_column("keys", sa.Column("rate_limits", sa.Text))
        _create_rate_limits()
        _create_increase_requests()
        _create_day_cells()


def _create_rate_limits() -> None:
    op.create_table(
        "rate_limits",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("project_id", Text),
        sa.Column("model", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("increase", sa.Text, nullable=False),
        sa.Column("increase_until", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_rate_limits"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_rate_limits_organization_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_rate_limits_project_id"),
    )
    op.create_index("ix_rate_limits_of_project", "rate_limits", ["organization_id", "project_id", "model"])


def _create_increase_requests() -> None:
    op.create_table(
        "increase_requests",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("scope_id", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("model", Text),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("budget_id", Text),
        sa.Column("amount_nanos", sa.BigInteger),
        sa.Column("until", sa.BigInteger),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_increase_requests"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_increase_requests_organization_id"),
    )
    op.create_index(
        "ix_increase_requests_of_organization", "increase_requests", ["organization_id", "created_at", "id"]
    )


def _create_day_cells() -> None:
    identity = ["level", "scope_id", "model", "kind", "minute"]
    op.create_table(
        "day_cells",
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("scope_id", Text, nullable=False),
        sa.Column("model", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("minute", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(*identity, name="pk_day_cells"),
    )
    op.create_index("ix_day_cells_of_minute", "day_cells", ["minute"])
