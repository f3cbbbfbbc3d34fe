"""Control's facts: organizations, projects, people, keys, upstreams, prices, the audit log, changes and materials."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Serial, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    if concerns(Part.CONTROL):
        _create_organizations_and_projects()
        _create_people()
        _create_keys()
        _create_upstreams_and_prices()
        _create_journals()


def _create_organizations_and_projects() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organizations"),
    )
    op.create_table(
        "projects",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("archived_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_projects_organization_id"),
    )
    op.create_index("ix_projects_organization_id_created_at_id", "projects", ["organization_id", "created_at", "id"])


def _create_people() -> None:
    op.create_table(
        "people",
        sa.Column("id", Text, nullable=False),
        sa.Column("email", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("password_hash", Text),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("email", name="uq_people_email"),
    )
    op.create_table(
        "members",
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("user_id", Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "user_id", name="pk_members"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_members_organization_id"),
        sa.ForeignKeyConstraint(["user_id"], ["people.id"], name="fk_members_user_id"),
    )
    op.create_table(
        "service_accounts",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("project_id", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("role", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_service_accounts"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_service_accounts_organization_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_service_accounts_project_id"),
    )
    op.create_index(
        "ix_service_accounts_organization_id_project_id_created_at_id",
        "service_accounts",
        ["organization_id", "project_id", "created_at", "id"],
    )


def _create_keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("project_id", Text),
        sa.Column("user_id", Text),
        sa.Column("service_account_id", Text),
        sa.Column("name", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("permissions", sa.Text, nullable=False),
        sa.Column("models", sa.Text),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("disabled_at", sa.BigInteger),
        sa.Column("quarantined_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_keys_organization_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_keys_project_id"),
        sa.ForeignKeyConstraint(["user_id"], ["people.id"], name="fk_keys_user_id"),
        sa.ForeignKeyConstraint(["service_account_id"], ["service_accounts.id"], name="fk_keys_service_account_id"),
    )
    op.create_index("ix_keys_of_organization", "keys", ["organization_id", "created_at", "id"])
    op.create_index("ix_keys_of_kind", "keys", ["organization_id", "kind", "created_at", "id"])
    op.create_index("ix_keys_of_project", "keys", ["organization_id", "project_id", "created_at", "id"])
    op.create_index(
        "ix_keys_of_service_account",
        "keys",
        ["organization_id", "service_account_id", "project_id", "created_at", "id"],
    )
    op.create_table(
        "key_secrets",
        sa.Column("public_id", Text, nullable=False),
        sa.Column("key_id", Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("pepper_id", Text, nullable=False),
        sa.Column("redacted", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("valid_until", sa.BigInteger),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("public_id", name="pk_key_secrets"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name="fk_key_secrets_key_id"),
        sa.UniqueConstraint("key_id", "ordinal", name="uq_key_secrets_key_id_ordinal"),
    )


def _create_upstreams_and_prices() -> None:
    op.create_table(
        "upstreams",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("base_url", Text, nullable=False),
        sa.Column("models", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("sealed_key", sa.LargeBinary),
        sa.Column("key_redacted", Text),
        sa.Column("project_id", Text),
        sa.Column("ca_file", Text),
        sa.Column("listed_models", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_upstreams"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_upstreams_organization_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_upstreams_project_id"),
        sa.UniqueConstraint("organization_id", "name", name="uq_upstreams_organization_id_name"),
    )
    op.create_table(
        "prices",
        sa.Column("seq", Serial, nullable=False),
        sa.Column("id", Text, nullable=False),
        sa.Column("model", Text, nullable=False),
        sa.Column("effective_at", sa.BigInteger, nullable=False),
        sa.Column("rates", sa.Text, nullable=False),
        sa.Column("tiers", sa.Text, nullable=False),
        sa.Column("source", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_prices"),
        sa.UniqueConstraint("id", name="uq_prices_id"),
    )
    op.create_index("ix_prices_model_effective_at_seq", "prices", ["model", "effective_at", "seq"])


def _create_journals() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", Serial, nullable=False),
        sa.Column("id", Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("actor_kind", Text, nullable=False),
        sa.Column("actor_user_id", Text),
        sa.Column("actor_key_id", Text),
        sa.Column("actor_address", Text),
        sa.Column("object_id", Text, nullable=False),
        sa.Column("project_id", Text),
        sa.Column("details", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
        sa.UniqueConstraint("id", name="uq_audit_id"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_audit_organization_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_organization_id_seq", "audit", ["organization_id", "seq"])
    op.create_table(
        "changes",
        sa.Column("seq", Serial, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("object_id", Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_changes"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "materials",
        sa.Column("id", Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("fingerprint", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", "kind", name="pk_materials"),
    )
