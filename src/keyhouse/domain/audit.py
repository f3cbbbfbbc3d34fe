"""Audit events: who did what to which object. Types are OpenAI's where it has one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class EventType(Enum):
    """One grammar, `noun.verb`, alphabetical."""

    ADMIN_KEY_CREATED = "admin_api_key.created"
    ADMIN_KEY_DELETED = "admin_api_key.deleted"
    ADMIN_KEY_UPDATED = "admin_api_key.updated"
    API_KEY_CREATED = "api_key.created"
    API_KEY_DELETED = "api_key.deleted"
    API_KEY_ROTATED = "api_key.rotated"
    API_KEY_UPDATED = "api_key.updated"
    BILLING_PROFILE_UPDATED = "billing_profile.updated"
    BUDGET_CREATED = "budget.created"
    BUDGET_DELETED = "budget.deleted"
    BUDGET_UPDATED = "budget.updated"
    CREDIT_GRANT_CREATED = "credit_grant.created"
    INCREASE_REQUEST_CREATED = "increase_request.created"
    INCREASE_REQUEST_DENIED = "increase_request.denied"
    INCREASE_REQUEST_GRANTED = "increase_request.granted"
    INVOICE_ISSUED = "invoice.issued"
    ORGANIZATION_CREATED = "organization.created"
    PRICE_SET = "price.set"
    PROJECT_ARCHIVED = "project.archived"
    PROJECT_CREATED = "project.created"
    PROJECT_UPDATED = "project.updated"
    RATE_LIMIT_UPDATED = "rate_limit.updated"
    SERVICE_ACCOUNT_CREATED = "service_account.created"
    SERVICE_ACCOUNT_DELETED = "service_account.deleted"
    SERVICE_ACCOUNT_UPDATED = "service_account.updated"
    SPEND_ALERT_CREATED = "spend_alert.created"
    SPEND_ALERT_DELETED = "spend_alert.deleted"
    SPEND_ALERT_UPDATED = "spend_alert.updated"
    UPSTREAM_CREATED = "upstream.created"
    UPSTREAM_DELETED = "upstream.deleted"
    UPSTREAM_UPDATED = "upstream.updated"
    USER_ADDED = "user.added"
    WEBHOOK_SECRET_CREATED = "webhook_secret.created"  # noqa: S105 - an event's name


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `kind` is `operator` (somebody at the machine), `api_key` or `session`; the rest as far as it is known."""

    kind: str
    user_id: str | None = None
    key_id: str | None = None
    address: str | None = None


OPERATOR = Actor("operator")


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event. `details` is what changed, as JSON-able values, never a secret. `at` is Unix seconds."""

    id: str
    at: int
    organization_id: str
    type: EventType
    actor: Actor
    object_id: str
    project_id: str | None = None
    details: dict[str, object] = field(default_factory=dict)
