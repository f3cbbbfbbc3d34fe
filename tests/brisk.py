"""uvicorn's server without its pauses: a test's server ends when it is told to."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

_LOOK_EVERY = 0.002
_GRACE_SECONDS = 2


class BriskServer(uvicorn.Server):
    """uvicorn looks ten times a second whether it should end, and waits a tenth more for what is open: with a server for each
    test, that is a quarter of a second each time."""

    async def main_loop(self) -> None:
        await self.on_tick(0)
        while not self.should_exit:
            await asyncio.sleep(_LOOK_EVERY)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        async with asyncio.timeout(_GRACE_SECONDS):
            while self.server_state.connections or self.server_state.tasks:
                await asyncio.sleep(_LOOK_EVERY)


@contextmanager
def served_in_thread(app: ASGIApp) -> Iterator[str]:
    """The application on a port of the system's choice; its URL."""
    server = BriskServer(uvicorn.Config(app, log_level="warning", lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
