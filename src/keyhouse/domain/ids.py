"""Names of objects: OpenAI's prefixes, base62 bodies. Request ids are ordered by time."""

from __future__ import annotations

import secrets

from keyhouse.domain import base62

ORGANIZATION = "org-"
PROJECT = "proj_"
USER = "user-"
SERVICE_ACCOUNT = "svc_acct_"
KEY = "key_"
GROUP = "group_"
INVITE = "invite-"
ROLE = "role_"
INCREASE_REQUEST = "increase_"
UPSTREAM = "ups_"
PRICE = "price_"
BUDGET = "budget_"
SPEND_ALERT = "alert_"
CERTIFICATE = "cert_"
INVOICE = "inv_"
CREDIT_GRANT = "credit_"
NOTICE = "msg_"
AUDIT = "audit_log-"
REQUEST = "req_"


def new_id(prefix: str) -> str:
    """A fresh id: the prefix and 24 random base62 characters (142 bits)."""
    return prefix + "".join(secrets.choice(base62.ALPHABET) for _ in range(24))


class RequestIds:
    """Request ids of one process: `req_`, 9 digits of microseconds, 10 digits naming the process.

    Strictly increasing within a process, whatever the clock does; unique across processes by the random part (59 bits).
    """

    def __init__(self) -> None:
        self._process = base62.encode(secrets.randbits(64), 10)
        self._last_us = 0

    def next(self, now_us: int) -> str:
        """The id of a call admitted at `now_us` (microseconds since 1970)."""
        self._last_us = last = max(now_us, self._last_us + 1)
        return f"req_{base62.encode(last, 9)}{self._process}"
