"""The audit log by every filter, sealed; and the settings of the last start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Text

revision = "0013"
down_revision = "0010"

_FILTERS = {
    "type": "type",
    "project": "project_id",
    "object": "object_id",
    "user": "actor_user_id",
    "key": "actor_key_id",
    "service_account": "actor_service_account_id",
    "email": "actor_email",
}


def upgrade() -> None:
    if concerns(Part.CONTROL):
        _widen_audit()
        _create_audit_seals()
        _create_settings_seen()


def _widen_audit() -> None:
    """Before anything is sealed: from then on no event changes."""
    op.add_column("audit", sa.Column("actor_email", Text))
    op.add_column("audit", sa.Column("actor_service_account_id", Text))
    audit, people = (
        sa.table("audit", sa.column("type"), sa.column("actor_user_id"), sa.column("actor_email")),
        _people(),
    )
    email = sa.select(people.c.email).where(people.c.id == audit.c.actor_user_id).scalar_subquery()
    op.execute(sa.update(audit).where(audit.c.actor_user_id.is_not(None)).values(actor_email=email))
    as_openai_writes_it = sa.literal("tenant.") + audit.c.type
    op.execute(sa.update(audit).where(audit.c.type.like("admin_api_key.%")).values(type=as_openai_writes_it))
    op.drop_index("ix_audit_organization_id_seq", "audit")
    op.create_index("ix_audit_of_organization", "audit", ["organization_id", "at", "seq"])
    for name, column in _FILTERS.items():
        op.create_index(f"ix_audit_of_{name}", "audit", ["organization_id", column, "at", "seq"])


def _people() -> sa.TableClause:
    return sa.table("people", sa.column("id"), sa.column("email"))


def _create_audit_seals() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("sealed_at", sa.BigInteger, nullable=False),
        sa.Column("key_id", Text, nullable=False),
        sa.Column("marks", sa.LargeBinary, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_seals"),
    )


def _create_settings_seen() -> None:
    op.create_table(
        "settings_seen",
        sa.Column("name", Text, nullable=False),
        sa.Column("pepper_id", Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings_seen"),
    )
