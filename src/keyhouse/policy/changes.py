"""How a running gateway learns what control has decided: it follows the store's feed of changes and applies each in order.

A use case that narrows something returns only when every running gateway has applied its change (`through`). One that nobody
told looks for itself every `POLL_SECONDS`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor

import structlog

from keyhouse.store.contract import Change, ChangeKind, Store

POLL_SECONDS = 0.5
_log = structlog.get_logger(__name__)

Apply = Callable[[str], Awaitable[None]]
"""Applies a change to the object with this id."""


class ChangeFollower:
    """`seq` is the last change that is in force here. Belongs to one event loop; the store is read in `executor`."""

    def __init__(self, store: Store, apply: Mapping[ChangeKind, Apply], executor: Executor, seq: int) -> None:
        self.seq = seq
        self._store = store
        self._apply = apply
        self._executor = executor
        self._applying = asyncio.Lock()

    async def through(self, seq: int) -> None:
        """Returns when every change up to `seq` is in force. Raises what the store raises."""
        while self.seq < seq:
            async with self._applying:
                await self._catch_up()

    async def follow(self) -> None:
        """Looks for changes, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(POLL_SECONDS - loop.time() % POLL_SECONDS)
            try:
                async with self._applying:
                    await self._catch_up()
            except Exception:  # a background loop's border: one failed look must not be the last
                _log.exception("changes could not be read")

    async def _catch_up(self) -> None:
        loop = asyncio.get_running_loop()
        changes = await loop.run_in_executor(self._executor, self._read, self.seq)
        for change in changes:
            await self._apply[change.kind](change.object_id)
            self.seq = change.seq

    def _read(self, seq: int) -> Sequence[Change]:
        if self._store.last_change() <= seq:
            return ()
        with self._store.read() as tx:
            return tx.changes.since(seq)
