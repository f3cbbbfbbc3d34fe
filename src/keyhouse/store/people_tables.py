"""The tables of people's places and roles, as the code sees them; `tables.py` has the people themselves."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Table

from keyhouse.domain.authority import RoleKind
from keyhouse.domain.people import OrganizationRole, PrincipalKind, ProjectRole
from keyhouse.store.tables import control
from keyhouse.store.types import EnumText, InvitedToJson, PermissionWordsJson, Text

project_members = Table(
    "project_members",
    control,
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("project_id", Text, ForeignKey("projects.id"), primary_key=True),
    Column("user_id", Text, ForeignKey("people.id"), primary_key=True),
    Column("role", EnumText(ProjectRole), nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Index("ix_project_members_of_project", "project_id", "added_at", "user_id"),
    Index("ix_project_members_of_person", "organization_id", "user_id"),
)

groups = Table(
    "groups",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_groups_of_organization", "organization_id", "created_at", "id"),
)

group_members = Table(
    "group_members",
    control,
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("group_id", Text, ForeignKey("groups.id"), primary_key=True),
    Column("user_id", Text, ForeignKey("people.id"), primary_key=True),
    Column("added_at", BigInteger, nullable=False),
    Index("ix_group_members_of_group", "group_id", "added_at", "user_id"),
    Index("ix_group_members_of_person", "organization_id", "user_id"),
)

invites = Table(
    "invites",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("email", Text, nullable=False),
    Column("role", EnumText(OrganizationRole), nullable=False),
    Column("projects", InvitedToJson, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("token_digest", LargeBinary, nullable=False, unique=True),
    Column("invited_by", Text),
    Column("accepted_at", BigInteger),
    Index("ix_invites_of_organization", "organization_id", "created_at", "id"),
)

roles = Table(
    "roles",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("project_id", Text, ForeignKey("projects.id")),
    Column("kind", EnumText(RoleKind), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("permissions", PermissionWordsJson, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_by", Text),
    Index("ix_roles_of_organization", "organization_id", "project_id", "created_at", "id"),
)

# `project_id` is empty for a role held in the organization: a primary key has no nulls.
role_assignments = Table(
    "role_assignments",
    control,
    Column("organization_id", Text, ForeignKey("organizations.id"), primary_key=True),
    Column("principal", EnumText(PrincipalKind), primary_key=True),
    Column("principal_id", Text, primary_key=True),
    Column("project_id", Text, primary_key=True),
    Column("role_id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text),
    Index("ix_role_assignments_of_role", "organization_id", "role_id"),
    Index("ix_role_assignments_of_project", "organization_id", "project_id", "principal", "principal_id"),
)
