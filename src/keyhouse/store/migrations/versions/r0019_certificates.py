"""Client certificates, and where they are active."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Text

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        _create_certificates()
        _create_activations()


def _create_certificates() -> None:
    op.create_table(
        "certificates",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("name", Text),
        sa.Column("content", Text, nullable=False),
        sa.Column("fingerprint", Text, nullable=False),
        sa.Column("valid_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_certificates"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_certificates_organization_id"),
    )
    op.create_index("ix_certificates_of_organization", "certificates", ["organization_id", "created_at", "id"])
    op.create_index("ix_certificates_by_fingerprint", "certificates", ["organization_id", "fingerprint"], unique=True)


def _create_activations() -> None:
    op.create_table(
        "certificate_activations",
        sa.Column("certificate_id", Text, nullable=False),
        sa.Column("scope_id", Text, nullable=False),
        sa.Column("activated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("certificate_id", "scope_id", name="pk_certificate_activations"),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["certificates.id"], name="fk_certificate_activations_certificate_id"
        ),
    )
    op.create_index("ix_certificate_activations_of_scope", "certificate_activations", ["scope_id"])
