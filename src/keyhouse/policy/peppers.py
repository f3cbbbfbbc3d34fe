"""Digests of secrets: HMAC-SHA-256 under a pepper that lives outside the database."""

from __future__ import annotations

import hmac
from collections.abc import Mapping


class Peppers:
    """The live peppers by id (32 bytes each); new digests are made under `current`."""

    def __init__(self, current: str, by_id: Mapping[str, bytes]) -> None:
        self.current = current
        # Keyed once: a copy of the keyed state costs half of what keying anew does.
        self._keyed = {id_: hmac.new(pepper, digestmod="sha256") for id_, pepper in by_id.items()}

    def digest(self, value: str) -> tuple[str, bytes]:
        """(pepper id, digest) of a new secret."""
        return self.current, self._digest(self.current, value)

    def verify(self, value: str, pepper_id: str, digest: bytes) -> bool:
        """Whether the value has this digest, in constant time. An unknown pepper verifies nothing, at the same cost."""
        known = pepper_id if pepper_id in self._keyed else self.current
        return hmac.compare_digest(self._digest(known, value), digest) and known == pepper_id

    def _digest(self, pepper_id: str, value: str) -> bytes:
        state = self._keyed[pepper_id].copy()
        state.update(value.encode("ascii"))
        return state.digest()
