"""Invoices, credit, and tags for chargeback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        _create_invoices()
        _create_credit_grants()
        _create_tags()


def _create_invoices() -> None:
    op.create_table(
        "billing_profiles",
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name="pk_billing_profiles"),
        _of_an_organization("billing_profiles"),
    )
    op.create_table(
        "invoices",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("month", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.Column("credit_nanos", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_invoices"),
        _of_an_organization("invoices"),
        sa.UniqueConstraint("organization_id", "sequence", name="uq_invoices_organization_id_sequence"),
        sa.UniqueConstraint("organization_id", "month", name="uq_invoices_organization_id_month"),
    )


def _create_credit_grants() -> None:
    op.create_table(
        "credit_grants",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("amount_nanos", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("note", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_credit_grants"),
        _of_an_organization("credit_grants"),
    )
    op.create_index(
        "ix_credit_grants_organization_id_created_at_id", "credit_grants", ["organization_id", "created_at", "id"]
    )


def _create_tags() -> None:
    op.create_table(
        "tags",
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("object_id", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "object_id", "name", name="pk_tags"),
        _of_an_organization("tags"),
    )
    op.create_index("ix_tags_organization_id_name", "tags", ["organization_id", "name"])


def _of_an_organization(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=f"fk_{table}_organization_id")
