"""A retried call is answered from its first one: what a call claims under its `Idempotency-Key`, and what is known of the first.

A claim belongs to a Keyhouse key (not to one of its secrets, so that it survives a rotation) and lasts for 24 hours. The client's
header and body are told again by their digests only. The body's is keyed by the header, which is not stored: whoever reads
the database cannot try out bodies unless they know the header too.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from keyhouse.domain.errors import invalid

HEADER = "idempotency-key"
WINDOW_SECONDS = 24 * 3600
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a call, of `request_id`. Digests are 32 bytes; `claimed_at` is in Unix seconds."""

    organization_id: str
    key_id: str
    digest: bytes
    """Of the client's header."""
    body_digest: bytes
    """Of the operation and the body."""
    request_id: str
    claimed_at: int

    @property
    def expires_at(self) -> int:
        return self.claimed_at + WINDOW_SECONDS


class ClaimState(Enum):
    """What has become of the call that claimed first."""

    KEPT = "kept"
    """It was answered, and the answer is here."""
    RUNNING = "running"
    UNKEPT = "unkept"
    """It was answered and charged, and its answer is not here: it was too large, the store was away, or its project keeps
    none."""


class First(NamedTuple):
    """The call that claimed first. `answer` is sealed, and None unless it is `KEPT`."""

    request_id: str
    body_digest: bytes
    state: ClaimState
    answer: bytes | None


def checked_key(value: bytes) -> bytes:
    """The value of an `Idempotency-Key` header. Raises `invalid_value`."""
    if not 1 <= len(value) <= LONGEST_KEY or not all(0x20 <= byte <= 0x7E for byte in value):
        raise invalid(HEADER, f"'Idempotency-Key' must be 1 to {LONGEST_KEY} printable ASCII characters.")
    return value


def key_digest(key_id: str, idempotency_key: bytes) -> bytes:
    """What a Keyhouse key's idempotency key is found by."""
    return hashlib.sha256(b"%b\n%b" % (key_id.encode(), idempotency_key)).digest()


def body_digest(idempotency_key: bytes, operation: str, body: bytes) -> bytes:
    """What tells two calls under one idempotency key apart: the operation, and every byte that the client sent."""
    # The body is hashed by itself: that leaves other threads running, however long it is.
    told = operation.encode() + b"\n" + hashlib.sha256(body).digest()
    return hmac.digest(idempotency_key, told, "sha256")
