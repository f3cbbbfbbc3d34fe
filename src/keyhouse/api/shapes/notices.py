"""Notices that are sent, and the secret of webhooks."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from keyhouse.api.shapes.common import EitherWayQuery, Group, ListOf, Shape, Time
from keyhouse.api.shapes.keys import Secret

State = Literal["waiting", "delivered", "failed"]


class Notice(Struct):
    object: Literal["organization.notice"]
    id: str
    kind: str
    destination: str
    about: str
    subject: str | None
    state: State
    created_at: Time
    attempts: int
    next_attempt_at: Time | None
    delivered_at: Time | None
    failed_at: Time | None
    last_error: str | None


class WebhookSecret(Struct):
    object: Literal["organization.webhook_secret"]
    value: Secret


class NoticesQuery(EitherWayQuery):
    state: State | UnsetType = UNSET


_PATH = "/v1/organization/notices"

GROUP = Group(
    "Notices",
    {
        f"GET {_PATH}": Shape("List notices", ListOf[Notice], query=NoticesQuery),
        f"GET {_PATH}/{{notice_id}}": Shape("Show a notice", Notice),
        "POST /v1/organization/webhook_secret": Shape("Make a new secret for webhooks", WebhookSecret),
    },
)
