"""Digests of secrets: HMAC-SHA-256 under a pepper that lives outside the database."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Peppers:
    """The live peppers by id (32 bytes each); new digests are made under `current`."""

    current: str
    by_id: Mapping[str, bytes] = field(repr=False)

    def digest(self, value: str) -> tuple[str, bytes]:
        """(pepper id, digest) of a new secret."""
        return self.current, self._digest(self.current, value)

    def verify(self, value: str, pepper_id: str, digest: bytes) -> bool:
        """Whether the value has this digest, in constant time. An unknown pepper verifies nothing, at the same cost."""
        known = pepper_id if pepper_id in self.by_id else self.current
        return hmac.compare_digest(self._digest(known, value), digest) and known == pepper_id

    def _digest(self, pepper_id: str, value: str) -> bytes:
        return hmac.digest(self.by_id[pepper_id], value.encode("ascii"), "sha256")
