"""Audit events: who did what to which object."""

from __future__ import annotations

from dataclasses import dataclass, field

from keyhouse.domain.event_types import EventType

__all__ = ["OPERATOR", "Actor", "AuditEvent", "EventType"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `kind` is `operator` (somebody at the machine), `api_key` or `session`; the rest as far as it is known.
    `address` is the client's. `email` is the person's at that time; it is looked up when the event is stored."""

    kind: str
    user_id: str | None = None
    key_id: str | None = None
    address: str | None = None
    email: str | None = None
    service_account_id: str | None = None


OPERATOR = Actor("operator")


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event. `details` is what changed, as JSON-able values, never a secret: OpenAI's detail object where its type has one.
    `at` is Unix seconds. `project_name` is there when the event is read: what the project is called now."""

    id: str
    at: int
    organization_id: str
    type: EventType
    actor: Actor
    object_id: str
    project_id: str | None = None
    details: dict[str, object] = field(default_factory=dict)
    project_name: str | None = None
