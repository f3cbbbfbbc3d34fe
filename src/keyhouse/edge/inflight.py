"""The calls that are running, so that whatever narrows a key's access can end them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from keyhouse.domain.usage import Outcome
from keyhouse.policy.keyring import Credential

LOOK_EVERY = 0.5


class Running(Protocol):
    credential: Credential | None

    @property
    def address(self) -> str: ...
    def cut(self, outcome: Outcome) -> None: ...


class Inflight:
    """Running calls by key."""

    def __init__(self) -> None:
        self._by_key: dict[str, set[Running]] = {}
        self.count = 0

    def add(self, key_id: str, call: Running) -> None:
        self._by_key.setdefault(key_id, set()).add(call)
        self.count += 1

    def discard(self, key_id: str, call: Running) -> None:
        calls = self._by_key[key_id]
        calls.discard(call)
        self.count -= 1
        if not calls:
            del self._by_key[key_id]

    def keys_of_project(self, project_id: str) -> set[str]:
        """The keys of a project that have a call running."""
        return {c.key_id for c in self._credentials() if c.project_id == project_id}

    def keys_of_organization(self, organization_id: str) -> set[str]:
        """The keys of an organization that have a call running."""
        return {c.key_id for c in self._credentials() if c.organization_id == organization_id}

    def public_ids(self, key_id: str) -> set[str]:
        """The secrets of a key that have a call running."""
        return {c.credential.public_id for c in self._by_key.get(key_id, ()) if c.credential is not None}

    def cut(self, key_id: str, outcome: Outcome, public_id: str | None = None) -> None:
        """Ends the running calls of a key, or of one of its secrets."""
        for call in list(self._by_key.get(key_id, ())):
            if public_id is None or (call.credential is not None and call.credential.public_id == public_id):
                call.cut(outcome)

    def cut_all(self, outcome: Outcome) -> None:
        """Ends every running call."""
        for key_id in list(self._by_key):
            self.cut(key_id, outcome)

    def renew(self, key_id: str, fresh: Credential) -> None:
        """What is known of a secret has changed: its running calls go on with the new facts, such as an earlier end. Those from
        where it may no longer be used are ended."""
        for call in list(self._by_key.get(key_id, ())):
            if call.credential is not None and call.credential.public_id == fresh.public_id:
                call.credential = fresh
                if fresh.networks is not None and not fresh.networks.holds(call.address):
                    call.cut(Outcome.REVOKED)

    def _credentials(self) -> list[Credential]:
        """One of each key that has a call running."""
        calls = [next(iter(calls)) for calls in self._by_key.values()]
        return [call.credential for call in calls if call.credential is not None]

    async def expire(self, clock: Callable[[], int]) -> None:
        """Ends calls whose secret ends while they run, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_EVERY - loop.time() % LOOK_EVERY)
            now = clock()
            for call in [c for calls in self._by_key.values() for c in calls]:
                until = call.credential.valid_until if call.credential is not None else None
                if until is not None and until <= now:
                    call.cut(Outcome.REVOKED)
