"""Audit events, as use cases write them."""

from __future__ import annotations

from keyhouse.control.context import Caller
from keyhouse.domain import ids
from keyhouse.domain.audit import AuditEvent, EventType


def event(
    caller: Caller,
    at: int,
    type_: EventType,
    object_id: str,
    *,
    project_id: str | None = None,
    details: dict[str, object] | None = None,
) -> AuditEvent:
    """What the caller did to an object at a time (Unix seconds). `details` never holds a secret."""
    return AuditEvent(
        ids.new_id(ids.AUDIT), at, caller.organization_id, type_, caller.actor, object_id, project_id, details or {}
    )
