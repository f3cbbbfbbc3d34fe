"""People's places: in projects, in groups, by invitation; roles made by somebody and who holds which; admin keys cut to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns
from keyhouse.store.types import Text

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        _widen_what_is_there()
        _create_project_members()
        _create_groups()
        _create_invites()
        _create_roles()


def _widen_what_is_there() -> None:
    op.add_column("members", sa.Column("technical_level", Text))
    op.add_column("members", sa.Column("developer_persona", Text))
    op.create_index("ix_members_of_organization", "members", ["organization_id", "added_at", "user_id"])
    op.create_index("ix_members_of_person", "members", ["user_id"])
    op.add_column("keys", sa.Column("role_id", Text))
    op.add_column("keys", sa.Column("scopes", sa.Text))
    op.create_index("ix_keys_of_user", "keys", ["organization_id", "user_id", "created_at", "id"])


def _create_project_members() -> None:
    op.create_table(
        "project_members",
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("project_id", Text, nullable=False),
        sa.Column("user_id", Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "user_id", name="pk_project_members"),
        _in_organization("project_members"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_project_members_project_id"),
        sa.ForeignKeyConstraint(["user_id"], ["people.id"], name="fk_project_members_user_id"),
    )
    op.create_index("ix_project_members_of_project", "project_members", ["project_id", "added_at", "user_id"])
    op.create_index("ix_project_members_of_person", "project_members", ["organization_id", "user_id"])


def _create_groups() -> None:
    op.create_table(
        "groups",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_groups"),
        _in_organization("groups"),
    )
    op.create_index("ix_groups_of_organization", "groups", ["organization_id", "created_at", "id"])
    op.create_table(
        "group_members",
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("group_id", Text, nullable=False),
        sa.Column("user_id", Text, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("group_id", "user_id", name="pk_group_members"),
        _in_organization("group_members"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_group_members_group_id"),
        sa.ForeignKeyConstraint(["user_id"], ["people.id"], name="fk_group_members_user_id"),
    )
    op.create_index("ix_group_members_of_group", "group_members", ["group_id", "added_at", "user_id"])
    op.create_index("ix_group_members_of_person", "group_members", ["organization_id", "user_id"])


def _create_invites() -> None:
    op.create_table(
        "invites",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("email", Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("projects", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("token_digest", sa.LargeBinary, nullable=False),
        sa.Column("invited_by", Text),
        sa.Column("accepted_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_invites"),
        sa.UniqueConstraint("token_digest", name="uq_invites_token_digest"),
        _in_organization("invites"),
    )
    op.create_index("ix_invites_of_organization", "invites", ["organization_id", "created_at", "id"])


def _create_roles() -> None:
    op.create_table(
        "roles",
        sa.Column("id", Text, nullable=False),
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("project_id", Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("description", Text),
        sa.Column("permissions", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", Text),
        sa.PrimaryKeyConstraint("id", name="pk_roles"),
        _in_organization("roles"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_roles_project_id"),
    )
    op.create_index("ix_roles_of_organization", "roles", ["organization_id", "project_id", "created_at", "id"])
    op.create_table(
        "role_assignments",
        sa.Column("organization_id", Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("principal_id", Text, nullable=False),
        sa.Column("project_id", Text, nullable=False),
        sa.Column("role_id", Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", Text),
        sa.PrimaryKeyConstraint(
            "organization_id", "principal", "principal_id", "project_id", "role_id", name="pk_role_assignments"
        ),
        _in_organization("role_assignments"),
    )
    op.create_index("ix_role_assignments_of_role", "role_assignments", ["organization_id", "role_id"])
    place = ["organization_id", "project_id", "principal", "principal_id"]
    op.create_index("ix_role_assignments_of_project", "role_assignments", place)


def _in_organization(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=f"fk_{table}_organization_id")
