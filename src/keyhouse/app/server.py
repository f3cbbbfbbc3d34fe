"""uvicorn's server with an end of its own: running calls finish, or are cut and settled, before the gateway stops."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import socket
import time
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

_SETTLE_SECONDS = 10.0
_LOOK_EVERY = 0.05
_ONE_SIGNAL_SECONDS = 0.5


class Server(uvicorn.Server):
    """Stops at the first signal: calls have `grace` seconds to end, or until Ctrl-C is pressed again; then `cut` ends them, and
    they have time to settle. Belongs to the running loop."""

    def __init__(self, config: uvicorn.Config, cut: Callable[[], None], grace: float) -> None:
        super().__init__(config)
        self._cut = cut
        self._grace = grace
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        self._hurry = asyncio.Event()
        self._told_at = 0.0
        # The last resort, for a client that takes nothing of what it was sent.
        config.timeout_graceful_shutdown = math.ceil(grace + _SETTLE_SECONDS) + 1

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Takes signals for the rest of the process's life. uvicorn's raises them again once it has served, which would end the
        process before the gateway has."""
        for number in HANDLED_SIGNALS:
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the base's signature
        now = time.monotonic()
        # One Ctrl-C may arrive twice: from the terminal, and from a `make` that passes it on.
        if self.should_exit and sig == signal.SIGINT and now - self._told_at > _ONE_SIGNAL_SECONDS:
            self._loop.call_soon_threadsafe(self._hurry.set)
        elif not self.should_exit:
            self.should_exit, self._told_at = True, now
            self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        """Until a signal says so. uvicorn's looks ten times a second, which is most of what an idle process would do."""
        await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ending = asyncio.create_task(self._end_calls())
        await super().shutdown(sockets)
        ending.cancel()

    async def _end_calls(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._hurry.wait()
        self._cut()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_SECONDS):
                while self.server_state.tasks:
                    await asyncio.sleep(_LOOK_EVERY)
        self.force_exit = True
