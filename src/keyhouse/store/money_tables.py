"""The tables of limits and money, as the code sees them; `tables.py` says the rest, and which file each kind is in."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Table, UniqueConstraint

from keyhouse.domain.budgets import AtEnd, Interval
from keyhouse.domain.idempotency import ClaimState
from keyhouse.domain.increases import IncreaseKind, IncreaseStatus
from keyhouse.domain.levels import Level
from keyhouse.domain.notices import NoticeKind
from keyhouse.store.tables import COPIED_AT_ONCE, control, ledger
from keyhouse.store.types import (
    ActorJson,
    EnumText,
    InvoiceLinesJson,
    ProfileJson,
    RateLimitsJson,
    Text,
    WordsJson,
)

rate_limits = Table(
    "rate_limits",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("project_id", Text, ForeignKey("projects.id")),
    Column("model", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("limits", RateLimitsJson, nullable=False),
    Column("increase", RateLimitsJson, nullable=False),
    Column("increase_until", BigInteger),
    Index("ix_rate_limits_of_project", "organization_id", "project_id", "model"),
)

increase_requests = Table(
    "increase_requests",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("kind", EnumText(IncreaseKind), nullable=False),
    Column("level", EnumText(Level), nullable=False),
    Column("scope_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", ActorJson, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("model", Text),
    Column("limits", RateLimitsJson, nullable=False),
    Column("budget_id", Text),
    Column("amount_nanos", BigInteger),
    Column("until", BigInteger),
    Column("status", EnumText(IncreaseStatus), nullable=False),
    Column("decided_by", ActorJson),
    Column("decided_at", BigInteger),
    Index("ix_increase_requests_of_organization", "organization_id", "created_at", "id"),
)

budgets = Table(
    "budgets",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("level", EnumText(Level), nullable=False),
    Column("scope_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("amount_nanos", BigInteger, nullable=False),
    Column("interval", EnumText(Interval), nullable=False),
    Column("at_end", EnumText(AtEnd), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("throttle_per_minute", BigInteger),
    Column("increase_nanos", BigInteger, nullable=False),
    Column("increase_until", BigInteger),
    UniqueConstraint("scope_id", "name"),
    Index("ix_budgets_of_organization", "organization_id", "created_at", "id"),
    Index("ix_budgets_of_level", "level", "organization_id", "created_at", "id"),
    Index("ix_budgets_of_scope", "scope_id", "created_at", "id"),
)

spend_alerts = Table(
    "spend_alerts",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("level", EnumText(Level), nullable=False),
    Column("scope_id", Text, nullable=False),
    Column("threshold_nanos", BigInteger, nullable=False),
    Column("interval", EnumText(Interval), nullable=False),
    Column("recipients", WordsJson, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("subject_prefix", Text),
    Column("webhook_url", Text),
    Index("ix_spend_alerts_of_organization", "organization_id", "created_at", "id"),
    Index("ix_spend_alerts_of_scope", "scope_id", "created_at", "id"),
)

spend_alerts_fired = Table(
    "spend_alerts_fired",
    control,
    Column("alert_id", Text, ForeignKey("spend_alerts.id"), primary_key=True),
    Column("period_start", BigInteger, primary_key=True, autoincrement=False),
    Column("fired_at", BigInteger, nullable=False),
)

day_cells = Table(
    "day_cells",
    control,
    Column("level", EnumText(Level), primary_key=True),
    Column("scope_id", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
    Index("ix_day_cells_of_minute", "minute"),
)

# Of a scope's balances, the few whose period is not over are found by the index, however many are kept.
balances = Table(
    "balances",
    ledger,
    Column("scope_id", Text, primary_key=True),
    Column("budget_id", Text, primary_key=True),
    Column("period_start", BigInteger, primary_key=True, autoincrement=False),
    Column("period_end", BigInteger, nullable=False),
    Column("spent_nanos", BigInteger, nullable=False),
    Index(None, "scope_id", "period_end"),
)

# The answer is the last column, so that the others are read without it. `holder` is there while the claimed call runs.
idempotency_claims = Table(
    "idempotency_claims",
    control,
    Column("key_id", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("body_digest", LargeBinary, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("claimed_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("state", EnumText(ClaimState), nullable=False),
    Column("holder", Text),
    Column("answer", LargeBinary),
    Index(None, "expires_at"),
    Index(None, "holder"),
    info={COPIED_AT_ONCE: 16},
)

billing_profiles = Table(
    "billing_profiles",
    control,
    Column("organization_id", Text, ForeignKey("organizations.id"), primary_key=True),
    Column("profile", ProfileJson, nullable=False),
)

# An invoice is kept whole, as it was issued: nothing that changes later is joined to it.
invoices = Table(
    "invoices",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("month", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("profile", ProfileJson, nullable=False),
    Column("lines", InvoiceLinesJson, nullable=False),
    Column("credit_nanos", BigInteger, nullable=False),
    UniqueConstraint("organization_id", "sequence"),
    UniqueConstraint("organization_id", "month"),
)

credit_grants = Table(
    "credit_grants",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("amount_nanos", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("note", Text, nullable=False),
    Index(None, "organization_id", "created_at", "id"),
)

tags = Table(
    "tags",
    control,
    Column("organization_id", Text, ForeignKey("organizations.id"), primary_key=True),
    Column("object_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index(None, "organization_id", "name"),
)

# `next_attempt_at` is null once a notice is delivered or given up, so that the index finds those that wait.
notices = Table(
    "notices",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("kind", EnumText(NoticeKind), nullable=False),
    Column("destination", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("subject", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("next_attempt_at", BigInteger),
    Column("attempts", BigInteger, nullable=False),
    Column("delivered_at", BigInteger),
    Column("failed_at", BigInteger),
    Column("last_error", Text),
    Index(None, "organization_id", "created_at", "id"),
    Index(None, "next_attempt_at"),
)

told = Table(
    "told",
    control,
    Column("about", Text, primary_key=True),
    Column("period_start", BigInteger, primary_key=True, autoincrement=False),
    Column("told_at", BigInteger, nullable=False),
)

webhook_secrets = Table(
    "webhook_secrets",
    control,
    Column("organization_id", Text, ForeignKey("organizations.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
