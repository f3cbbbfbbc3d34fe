"""Promise 1: whoever cancels a call has closed its connection, and its place is free."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator

import pytest

from keyhouse.upstream.contract import Origin, UpstreamError
from keyhouse.upstream.http import HttpTransport
from tests.upstream.conftest import Serve
from tests.upstream.transport_servers import OK, Exchange, RawServer, answering, post, read_all


async def _silent(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.gone()


async def _cancelled_is_seen(server: RawServer, transport: HttpTransport, call: asyncio.Task[object]) -> None:
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert transport.connections(server.origin()) == 0
    await server.until(lambda s: s.open == 0)


async def test_cancelled_before_the_head(serve: Serve, transport: HttpTransport) -> None:
    server = await serve(_silent)
    call: asyncio.Task[object] = asyncio.create_task(transport.send(server.origin(), post()))
    await server.until(lambda s: s.requests == 1)
    await _cancelled_is_seen(server, transport, call)


async def test_cancelled_on_a_reused_connection(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(OK)
        await _silent(exchange)

    server = await serve(handler)
    await read_all(await transport.send(server.origin(), post()))
    call: asyncio.Task[object] = asyncio.create_task(transport.send(server.origin(), post()))
    await server.until(lambda s: s.requests == 2)
    await _cancelled_is_seen(server, transport, call)


async def test_cancelled_in_the_turn_in_which_the_head_arrives(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
        call.cancel()
        await exchange.gone()

    server = await serve(handler)
    call: asyncio.Task[object] = asyncio.create_task(transport.send(server.origin(), post()))
    with pytest.raises(asyncio.CancelledError):
        await call
    await server.until(lambda s: s.open == 0)
    assert transport.connections(server.origin()) == 0


async def test_cancelled_in_the_body(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n")
        await exchange.gone()

    server = await serve(handler)
    response = await transport.send(server.origin(), post())
    assert await response.read() == b"ab"
    reading: asyncio.Task[object] = asyncio.create_task(response.read())
    await asyncio.sleep(0.01)
    await _cancelled_is_seen(server, transport, reading)


async def test_cancelled_while_the_upload_waits_for_its_caller(serve: Serve, transport: HttpTransport) -> None:
    closed = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        exchange.server.requests += 1
        await exchange.gone()

    server = await serve(handler)
    call: asyncio.Task[object] = asyncio.create_task(transport.send(server.origin(), post(body=slow())))
    await server.until(lambda s: s.requests == 1)
    await _cancelled_is_seen(server, transport, call)
    assert closed.is_set()


@pytest.mark.parametrize("as_bytes", [False, True])
async def test_cancelled_while_the_upload_waits_for_the_upstream(
    serve: Serve, transport: HttpTransport, as_bytes: bool
) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(100_000)
        finally:
            closed.set()

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        exchange.server.requests += 1
        await listening.wait()
        await exchange.gone()

    listening = asyncio.Event()
    server = await serve(handler)
    body = bytes(50_000_000) if as_bytes else endless()
    call: asyncio.Task[object] = asyncio.create_task(transport.send(server.origin(), post(body=body)))
    await server.until(lambda s: s.requests == 1)
    await asyncio.sleep(0.05)
    listening.set()
    await _cancelled_is_seen(server, transport, call)
    assert closed.is_set() or as_bytes


async def test_cancelled_while_connecting(transport: HttpTransport) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        origin = Origin("http", "127.0.0.1", listener.getsockname()[1])
        call = asyncio.create_task(transport.send(origin, post()))
        await asyncio.sleep(0.05)
        assert transport.connections(origin) == 1
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert transport.connections(origin) == 0
        for filler in fillers:
            filler.close()


async def test_cancelled_in_the_tls_handshake(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reader.read(1)
        exchange.server.requests += 1
        await exchange.gone()

    server = await serve(handler)
    origin = server.origin(scheme="https")
    call = asyncio.create_task(transport.send(origin, post()))
    await server.until(lambda s: s.requests == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert transport.connections(origin) == 0
    await server.until(lambda s: s.open == 0)


async def test_a_thousand_cancels_at_any_moment_leak_no_place(serve: Serve) -> None:
    """Three calls in four are cancelled after a random number of turns of the loop; the whole bound is there after."""
    cancelled = 0
    chance = random.Random(7)  # noqa: S311 - a test's dice, seeded
    transport = HttpTransport(max_connections_per_origin=4)

    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            for part in (b"HTTP/1.1 200 OK\r\n", b"content-length: 4\r\n\r\n", b"ok", b"ok"):
                await asyncio.sleep(0)
                await exchange.say(part)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0)
            yield b"x" * 1000

    async def call() -> None:
        body = pieces() if chance.random() < 0.3 else b"{}"
        response = await transport.send(server.origin(), post(body=body))
        if chance.random() < 0.2:
            response.close()
        else:
            assert await read_all(response) == b"okok"

    async def call_and_perhaps_cancel() -> None:
        nonlocal cancelled
        task = asyncio.create_task(call())
        if chance.random() < 0.75:
            for _ in range(chance.randrange(60)):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled() or task.exception() is None, task.exception()
        cancelled += task.cancelled()

    server = await serve(handler)
    while cancelled < 1000:
        await asyncio.gather(*(call_and_perhaps_cancel() for _ in range(25)))
    assert transport.connections(server.origin()) <= 4
    await asyncio.sleep(0.02)
    held = [await transport.send(server.origin(), post(pool=0.5)) for _ in range(4)]
    with pytest.raises(UpstreamError):
        await transport.send(server.origin(), post(pool=0.02))
    for response in held:
        response.close()
    assert transport.connections(server.origin()) == 0
    await transport.aclose()
    await server.until(lambda s: s.open == 0)


async def test_a_request_given_up_in_its_own_turn_is_never_sent(serve: Serve, transport: HttpTransport) -> None:
    """Requests leave at the end of a turn of the loop: one whose connection was closed before has nothing to send any more."""
    server = await serve(answering(OK, OK))
    await read_all(await transport.send(server.origin(), post()))
    call: asyncio.Task[object] = asyncio.create_task(transport.send(server.origin(), post()))
    closing = asyncio.create_task(transport.aclose())
    await asyncio.wait([call, closing])
    assert isinstance(call.exception(), UpstreamError)
    await server.until(lambda s: s.open == 0)
    assert server.requests == 1
