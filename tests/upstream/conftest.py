"""Fixtures of the transport's tests, which run on asyncio's own loop and on uvloop."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest
import uvloop

from keyhouse.upstream.http import HttpTransport
from tests.upstream.transport_servers import Handler, RawServer

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
Serve = Callable[..., Awaitable[RawServer]]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    if item.path.name.startswith("test_transport"):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts upstreams; what a handler asserted is raised at the end."""
    servers: list[RawServer] = []

    async def start(handler: Handler, context: ssl.SSLContext | None = None) -> RawServer:
        server = RawServer(handler)
        await server.start(context)
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.stop()
    failures = [failure for server in servers for failure in server.failures]
    if failures:
        raise failures[0]


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(max_connections_per_origin=8)
    yield transport
    await transport.aclose()
