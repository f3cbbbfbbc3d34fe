"""Organizations in the order in which they were made, the first of which runs the house; what is about the house in no role that
somebody made."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns

revision = "0024"
down_revision = "0023"

_ABOUT_THE_HOUSE = ("api.organization.prices.write", "api.organization.upstreams.write")


def upgrade() -> None:
    if not concerns(Part.CONTROL):
        return
    op.add_column("organizations", sa.Column("ordinal", sa.Integer, nullable=False, server_default="0"))
    _number(op.get_bind())
    op.create_index("ix_organizations_by_name", "organizations", ["name"], unique=True)
    op.create_index("ix_organizations_in_order", "organizations", ["ordinal"], unique=True)
    _take_from_roles(op.get_bind())


def _number(connection: sa.Connection) -> None:
    organizations = sa.table("organizations", sa.column("id"), sa.column("created_at"), sa.column("ordinal"))
    in_order = sa.select(organizations.c.id).order_by(organizations.c.created_at, organizations.c.id)
    for ordinal, id_ in enumerate(connection.scalars(in_order).all(), start=1):
        connection.execute(sa.update(organizations).where(organizations.c.id == id_).values(ordinal=ordinal))


def _take_from_roles(connection: sa.Connection) -> None:
    roles = sa.table("roles", sa.column("id"), sa.column("permissions", sa.Text))
    granting = sa.or_(*(roles.c.permissions.contains(f'"{word}"') for word in _ABOUT_THE_HOUSE))
    for id_, words in connection.execute(sa.select(roles.c.id, roles.c.permissions).where(granting)).all():
        left = json.dumps([word for word in json.loads(words) if word not in _ABOUT_THE_HOUSE], separators=(",", ":"))
        connection.execute(sa.update(roles).where(roles.c.id == id_).values(permissions=left))
