"""Every table, as the code sees it. The migrations create them; a test holds the two together.

`control` tables hold facts, reports and the log of refusals; `ledger` holds the usage rows. On SQLite they are two files, on
PostgreSQL one database.
"""

from __future__ import annotations

from typing import Any, NamedTuple, get_type_hints

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
)

from keyhouse.domain.audit import EventType
from keyhouse.domain.data_retention import Retention
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.people import OrganizationRole
from keyhouse.domain.projects import Residency
from keyhouse.domain.usage import RefusedCall, UsageRow
from keyhouse.store.contract import ChangeKind, MaterialKind, RollupKey, RollupSums
from keyhouse.store.types import (
    DetailsJson,
    EnumText,
    HostedToolsJson,
    ModelPermissionsJson,
    PermissionsJson,
    RateLimitsJson,
    RatesJson,
    Serial,
    Text,
    TiersJson,
    ToldText,
    WordsJson,
)

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
control = MetaData(naming_convention=NAMES)
ledger = MetaData(naming_convention=NAMES)
COPIED_AT_ONCE = "copied_at_once"
"""In the `info` of a table whose rows are large: how many of them a backup holds in memory."""


def _columns(fields: type[NamedTuple], *, primary: bool = False) -> list[Column[Any]]:
    """One column for each field: integers as they are, texts as they were told."""
    hints = get_type_hints(fields)
    return [
        Column(
            name,
            BigInteger() if hints[name] in {int, int | None} else ToldText(),
            nullable=hints[name] in {int | None, str | None},
            primary_key=primary,
            autoincrement=False,
        )
        for name in fields._fields
    ]


organizations = Table(
    "organizations",
    control,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column(
        "data_retention", EnumText(Retention), nullable=False, server_default=Retention.MODIFIED_ABUSE_MONITORING.value
    ),
    Column("ordinal", Integer, nullable=False, server_default="0"),
    Index("ix_organizations_by_name", "name", unique=True),
    Index("ix_organizations_in_order", "ordinal", unique=True),
)

projects = Table(
    "projects",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("archived_at", BigInteger),
    Column("model_permissions", ModelPermissionsJson),
    Column("denied_tools", HostedToolsJson, nullable=False, server_default="[]"),
    Column("data_retention", EnumText(Retention), nullable=False, server_default=Retention.ORGANIZATION_DEFAULT.value),
    Column("residency", EnumText(Residency)),
    Column("external_key_id", Text),
    Index(None, "organization_id", "created_at", "id"),
)

people = Table(
    "people",
    control,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("password_hash", Text),
)

members = Table(
    "members",
    control,
    Column("organization_id", Text, ForeignKey("organizations.id"), primary_key=True),
    Column("user_id", Text, ForeignKey("people.id"), primary_key=True),
    Column("role", EnumText(OrganizationRole), nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("technical_level", Text),
    Column("developer_persona", Text),
    Index("ix_members_of_organization", "organization_id", "added_at", "user_id"),
    Index("ix_members_of_person", "user_id"),
)

service_accounts = Table(
    "service_accounts",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("project_id", Text, ForeignKey("projects.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Index(None, "organization_id", "project_id", "created_at", "id"),
)

# Each list of keys has the index whose every leading column it fixes, so that SQLite's planner, which keeps no statistics
# here, finds it by counting them.
keys = Table(
    "keys",
    control,
    Column("id", Text, primary_key=True),
    Column("kind", EnumText(KeyKind), nullable=False),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("project_id", Text, ForeignKey("projects.id")),
    Column("user_id", Text, ForeignKey("people.id")),
    Column("service_account_id", Text, ForeignKey("service_accounts.id")),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("permissions", PermissionsJson, nullable=False),
    Column("models", WordsJson),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("disabled_at", BigInteger),
    Column("quarantined_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("deleted_at", BigInteger),
    Column("rate_limits", RateLimitsJson),
    Column("role_id", Text),
    Column("scopes", WordsJson),
    Column("ip_allowlist", WordsJson),
    Index("ix_keys_of_user", "organization_id", "user_id", "created_at", "id"),
    Index("ix_keys_of_organization", "organization_id", "created_at", "id"),
    Index("ix_keys_of_kind", "organization_id", "kind", "created_at", "id"),
    Index("ix_keys_of_project", "organization_id", "project_id", "created_at", "id"),
    Index("ix_keys_of_service_account", "organization_id", "service_account_id", "project_id", "created_at", "id"),
)

key_secrets = Table(
    "key_secrets",
    control,
    Column("public_id", Text, primary_key=True),
    Column("key_id", Text, ForeignKey("keys.id"), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("pepper_id", Text, nullable=False),
    Column("redacted", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("valid_until", BigInteger),
    Column("ordinal", Integer, nullable=False),
    UniqueConstraint("key_id", "ordinal"),
)

upstreams = Table(
    "upstreams",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("models", WordsJson, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("sealed_key", LargeBinary),
    Column("key_redacted", Text),
    Column("project_id", Text, ForeignKey("projects.id")),
    Column("ca_file", Text),
    Column("listed_models", WordsJson, nullable=False),
    UniqueConstraint("organization_id", "name"),
    Index("ix_upstreams_of_organization", "organization_id", "created_at", "id"),
)

prices = Table(
    "prices",
    control,
    Column("seq", Serial, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("model", Text, nullable=False),
    Column("effective_at", BigInteger, nullable=False),
    Column("rates", RatesJson, nullable=False),
    Column("tiers", TiersJson, nullable=False),
    Column("source", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "model", "effective_at", "seq"),
)

# One index for each filter, in the order of the list.
audit = Table(
    "audit",
    control,
    Column("seq", Serial, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("at", BigInteger, nullable=False),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("type", EnumText(EventType), nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_user_id", Text),
    Column("actor_key_id", Text),
    Column("actor_address", Text),
    Column("object_id", Text, nullable=False),
    Column("project_id", Text),
    Column("details", DetailsJson, nullable=False),
    Column("actor_email", Text),
    Column("actor_service_account_id", Text),
    Index("ix_audit_of_organization", "organization_id", "at", "seq"),
    Index("ix_audit_of_type", "organization_id", "type", "at", "seq"),
    Index("ix_audit_of_project", "organization_id", "project_id", "at", "seq"),
    Index("ix_audit_of_object", "organization_id", "object_id", "at", "seq"),
    Index("ix_audit_of_user", "organization_id", "actor_user_id", "at", "seq"),
    Index("ix_audit_of_key", "organization_id", "actor_key_id", "at", "seq"),
    Index("ix_audit_of_service_account", "organization_id", "actor_service_account_id", "at", "seq"),
    Index("ix_audit_of_email", "organization_id", "actor_email", "at", "seq"),
    sqlite_autoincrement=True,
)

changes = Table(
    "changes",
    control,
    Column("seq", Serial, primary_key=True),
    Column("kind", EnumText(ChangeKind), nullable=False),
    Column("object_id", Text, nullable=False),
    sqlite_autoincrement=True,
)

materials = Table(
    "materials",
    control,
    Column("id", Text, primary_key=True),
    Column("kind", EnumText(MaterialKind), primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

rollups = Table(
    "rollups",
    control,
    Column("width", Integer, primary_key=True, autoincrement=False),
    Column("organization_id", ToldText, primary_key=True),
    *(column for column in _columns(RollupKey, primary=True) if column.name != "organization_id"),
    *_columns(RollupSums),
    sqlite_with_rowid=False,
)

rollup_mark = Table(
    "rollup_mark",
    control,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("through_seq", BigInteger, nullable=False),
    Column("hours_before", BigInteger, nullable=False, server_default="0"),
    Column("days_before", BigInteger, nullable=False, server_default="0"),
)

refusals = Table(
    "refusals",
    control,
    Column("seq", Serial, primary_key=True),
    *_columns(RefusedCall),
    Index(None, "organization_id", "seq"),
    sqlite_autoincrement=True,
)

calls = Table(
    "calls",
    ledger,
    Column("seq", Serial, primary_key=True),
    *_columns(UsageRow),
    UniqueConstraint("request_id"),
)
