"""Signatures of webhooks, as Standard Webhooks has them: HMAC-SHA256 of `id.timestamp.body`.

A secret is `whsec_` and 32 random bytes in base64. It is one organization's and kept sealed. Source:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from keyhouse.domain.notices import new_webhook_secret, seal_context, secret_bytes
from keyhouse.store.contract import Sealer, Store


class Signer:
    """Signs with the organization's secret as it is now. An organization that has none gets one, which nobody has seen."""

    def __init__(self, store: Store, sealer: Sealer, clock: Callable[[], int]) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock

    def headers(self, organization_id: str, notice_id: str, body: bytes) -> dict[str, str]:
        """`webhook-id`, `webhook-timestamp` and `webhook-signature` of this body."""
        at = str(self._clock())
        signed = b"%b.%b.%b" % (notice_id.encode(), at.encode(), body)
        mac = hmac.new(secret_bytes(self._secret(organization_id)), signed, hashlib.sha256).digest()
        return {
            "webhook-id": notice_id,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
        }

    def _secret(self, organization_id: str) -> str:
        with self._store.read() as tx:
            sealed = tx.webhook_secrets.get(organization_id)
        if sealed is None:
            sealed = self._made(organization_id)
        return self._sealer.open(sealed, seal_context(organization_id)).decode()

    def _made(self, organization_id: str) -> bytes:
        made = self._sealer.seal(new_webhook_secret().encode(), seal_context(organization_id))
        with self._store.write() as tx:
            known = tx.webhook_secrets.get(organization_id)
            if known is None:
                tx.webhook_secrets.put(organization_id, made, self._clock())
        return known or made
