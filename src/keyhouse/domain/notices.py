"""Notices: what is told to somebody outside, by mail or to a webhook, and how far that has come."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit


class NoticeKind(Enum):
    MAIL = "mail"
    WEBHOOK = "webhook"


class NoticeState(Enum):
    """`waiting` for its first attempt or the next one; `failed` once no more are made."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Notice:
    """`destination` is one e-mail address, or a URL. `about` is the id of the alert or budget. `payload` is a mail's text, or the
    body that is posted, byte for byte; `subject` is a mail's.

    `next_attempt_at` is None once the notice is delivered, or given up. `last_error` is a sentence for an owner, without secrets.
    """

    id: str
    organization_id: str
    kind: NoticeKind
    destination: str
    about: str
    payload: str = field(repr=False)
    created_at: int
    next_attempt_at: int | None
    subject: str | None = None
    attempts: int = 0
    delivered_at: int | None = None
    failed_at: int | None = None
    last_error: str | None = None

    @property
    def state(self) -> NoticeState:
        if self.delivered_at is not None:
            return NoticeState.DELIVERED
        return NoticeState.WAITING if self.failed_at is None else NoticeState.FAILED

    @property
    def lane(self) -> str:
        """Who takes it: notices of one lane are delivered one after the other. All mail goes to one server."""
        if self.kind is NoticeKind.MAIL:
            return "mail"
        url = urlsplit(self.destination)
        return f"{url.scheme}://{url.netloc.lower()}"


def seal_context(organization_id: str) -> str:
    """What the secret that signs an organization's webhooks is sealed for."""
    return f"webhooks:{organization_id}"


_PREFIX = "whsec_"


def new_webhook_secret() -> str:
    """A secret in the form of Standard Webhooks: `whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_bytes(secret: str) -> bytes:
    """What such a secret signs with."""
    return base64.b64decode(secret.removeprefix(_PREFIX))
