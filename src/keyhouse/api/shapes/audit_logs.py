"""The audit log."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import EitherWayQuery, Group, Shape, Time

Event = Annotated[
    dict[str, Any],
    Meta(
        description="`id`, `type`, `effective_at`, `actor`, `project` where it happened in one, and under the name of its type "
        "what happened"
    ),
]


class EventPage(Struct):
    """`last_id` is what `after` takes for the next page."""

    object: Literal["list"]
    data: list[Event]
    first_id: str | None
    last_id: str | None
    has_more: bool


class EffectiveAt(Struct):
    """Bounds, as `effective_at[gt]`."""

    gt: Time | UnsetType = UNSET
    gte: Time | UnsetType = UNSET
    lt: Time | UnsetType = UNSET
    lte: Time | UnsetType = UNSET


class EventsQuery(EitherWayQuery):
    effective_at: EffectiveAt | UnsetType = UNSET
    actor_emails: list[str] | UnsetType = UNSET
    actor_ids: list[str] | UnsetType = UNSET
    event_types: list[str] | UnsetType = UNSET
    project_ids: list[str] | UnsetType = UNSET
    resource_ids: list[str] | UnsetType = UNSET
    tenant_only: bool | UnsetType = UNSET


GROUP = Group(
    "Audit log",
    {"GET /v1/organization/audit_logs": Shape("List what happened, newest first", EventPage, query=EventsQuery)},
)
