"""Promises 2, 6 and 9: which connections are reused, how many there are, and who waits for one."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from keyhouse.upstream.contract import Dropped, NotSent, Origin, PoolTimeout, ProtocolViolation, Timeouts, Truncated
from keyhouse.upstream.http import HttpTransport
from keyhouse.upstream.http.burst import Burst
from keyhouse.upstream.http.pool import OriginPool
from tests.upstream.conftest import Serve
from tests.upstream.transport_servers import OK, Exchange, answering, post, read_all

CHUNKED_OK = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


@pytest.mark.parametrize("raw", [OK, CHUNKED_OK])
async def test_a_clean_connection_is_reused(serve: Serve, transport: HttpTransport, raw: bytes) -> None:
    server = await serve(answering(raw))
    for _ in range(5):
        assert await read_all(await transport.send(server.origin(), post())) == b"ok"
    assert (server.accepted, server.requests) == (1, 5)


async def test_the_connection_used_last_is_reused_first(serve: Serve, transport: HttpTransport) -> None:
    used: list[int] = []

    async def handler(exchange: Exchange) -> None:
        me = exchange.server.accepted
        while True:
            await exchange.request()
            used.append(me)
            await exchange.say(OK)

    server = await serve(handler)
    first = await transport.send(server.origin(), post())
    second = await transport.send(server.origin(), post())
    await read_all(first)
    await read_all(second)
    for _ in range(3):
        await read_all(await transport.send(server.origin(), post()))
    assert used == [1, 2, 2, 2, 2]


async def test_base_paths_of_one_origin_share_its_connections(serve: Serve, transport: HttpTransport) -> None:
    server = await serve(answering(OK))
    for base_path in ("/v1", "/v2"):
        await read_all(await transport.send(server.origin(base_path=base_path), post()))
    assert server.accepted == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
    ],
)
async def test_a_connection_that_must_end_is_not_reused(serve: Serve, transport: HttpTransport, raw: bytes) -> None:
    server = await serve(answering(raw))
    for expected in (1, 2):
        assert await read_all(await transport.send(server.origin(), post())) == b"ok"
        assert server.accepted == expected
        await server.until(lambda s: s.open == 0)
    assert transport.connections(server.origin()) == 0


async def test_a_body_that_was_not_read_to_its_end_closes_at_once(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhello")
        await exchange.gone()

    server = await serve(handler)
    response = await transport.send(server.origin(), post())
    assert await response.read() == b"hello"
    response.close()
    response.close()
    await server.until(lambda s: s.open == 0)
    assert transport.connections(server.origin()) == 0
    with pytest.raises(Truncated):
        await response.read()


async def test_closing_a_response_ends_a_read_that_waits(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
        await exchange.gone()

    server = await serve(handler)
    response = await transport.send(server.origin(), post())
    reading = asyncio.create_task(response.read())
    await asyncio.sleep(0)
    response.close()
    with pytest.raises(Truncated):
        await reading


async def test_closing_after_the_end_does_not_touch_the_next_exchange(serve: Serve, transport: HttpTransport) -> None:
    server = await serve(answering(OK))
    first = await transport.send(server.origin(), post())
    await read_all(first)
    second = await transport.send(server.origin(), post())
    first.close()
    assert await first.read() == b""
    assert await read_all(second) == b"ok"
    assert server.accepted == 1


@pytest.mark.parametrize("poison", [b"x", b"\r\n", OK])
async def test_bytes_on_an_idle_connection_are_poison(serve: Serve, transport: HttpTransport, poison: bytes) -> None:
    speak = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            await exchange.say(OK)
            if exchange.server.accepted == 1:
                await speak.wait()
                await exchange.say(poison)
                await exchange.gone()
                return

    server = await serve(handler)
    await read_all(await transport.send(server.origin(), post()))
    speak.set()
    await server.until(lambda s: s.open == 0)
    assert transport.connections(server.origin()) == 0
    assert await read_all(await transport.send(server.origin(), post())) == b"ok"
    assert server.accepted == 2


@pytest.mark.parametrize("poison", [b"x", b""])
async def test_poison_that_the_loop_has_not_seen_is_found_before_reuse(transport: HttpTransport, poison: bytes) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        origin = Origin("http", *listener.getsockname())

        async def accept_and_answer() -> socket.socket:
            accepted, _ = await loop.sock_accept(listener)
            await loop.sock_recv(accepted, 65536)
            await loop.sock_sendall(accepted, OK)
            return accepted

        upstream, response = await asyncio.gather(accept_and_answer(), transport.send(origin, post()))
        await read_all(response)
        with upstream:
            # The loop is busy from here on, and does not look at its sockets before the next request is sent.
            if poison:
                upstream.send(poison)
            else:
                upstream.shutdown(socket.SHUT_WR)
            time.sleep(0.6)
            accepting = asyncio.create_task(accept_and_answer())
            response = await transport.send(origin, post())
            assert await read_all(response) == b"ok"
            (await accepting).close()


@pytest.mark.parametrize("more", [b"more", b"\r\n", OK])
async def test_bytes_after_the_body_before_it_is_read_are_an_error(
    serve: Serve, transport: HttpTransport, more: bytes
) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(OK)
        await asyncio.sleep(0.02)
        await exchange.say(more)
        await exchange.gone()

    server = await serve(handler)
    response = await transport.send(server.origin(), post())
    await server.until(lambda s: s.open == 0)
    assert await response.read() == b"ok"
    with pytest.raises(ProtocolViolation):
        await response.read()


async def test_an_idle_connection_that_the_upstream_closed_is_not_used(serve: Serve, transport: HttpTransport) -> None:
    server = await serve(answering(OK, then_close=True))
    for expected in (1, 2, 3):
        assert await read_all(await transport.send(server.origin(), post())) == b"ok"
        await server.until(lambda s: s.open == 0)
        await asyncio.sleep(0.01)
        assert transport.connections(server.origin()) == 0
        assert server.accepted == server.requests == expected


async def test_an_idle_connection_is_closed_at_its_age(serve: Serve) -> None:
    transport = HttpTransport(idle_seconds=0.1)
    server = await serve(answering(OK))
    await read_all(await transport.send(server.origin(), post()))
    assert transport.connections(server.origin()) == 1
    await server.until(lambda s: s.open == 0)
    assert transport.connections(server.origin()) == 0
    await transport.aclose()


async def test_a_request_lost_on_a_reused_connection_is_not_sent_again(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(OK)
        await exchange.request()
        exchange.reset()

    server = await serve(handler)
    await read_all(await transport.send(server.origin(), post()))
    with pytest.raises(Dropped) as dropped:
        await transport.send(server.origin(), post())
    assert dropped.value.sent
    assert (server.accepted, server.requests) == (1, 2)


# The bound, and the wait for a place.


async def test_the_pool_is_bounded_and_everyone_is_served(serve: Serve) -> None:
    transport = HttpTransport(max_connections_per_origin=4)
    server = await serve(answering(OK))

    async def call() -> bytes:
        return await read_all(await transport.send(server.origin(), post()))

    assert await asyncio.gather(*(call() for _ in range(200))) == [b"ok"] * 200
    assert server.most_open == 4
    assert server.accepted == 4
    assert transport.connections(server.origin()) == 4
    await transport.aclose()
    assert transport.connections(server.origin()) == 0


async def test_waiters_are_served_in_order(serve: Serve) -> None:
    transport = HttpTransport(max_connections_per_origin=1)
    order: list[bytes] = []

    async def handler(exchange: Exchange) -> None:
        while True:
            order.append((await exchange.request())[1])
            await exchange.say(OK)

    server = await serve(handler)
    calls = [asyncio.create_task(transport.send(server.origin(), post(body=b"%d" % n))) for n in range(10)]
    for call in calls:
        await read_all(await call)
    assert order == [b"%d" % n for n in range(10)]
    await transport.aclose()


async def test_a_newcomer_does_not_overtake_a_waiter(serve: Serve) -> None:
    transport = HttpTransport(max_connections_per_origin=1)
    order: list[bytes] = []

    async def handler(exchange: Exchange) -> None:
        while True:
            order.append((await exchange.request())[1])
            await exchange.say(OK)

    server = await serve(handler)
    first = await transport.send(server.origin(), post(body=b"first"))
    waiting = asyncio.create_task(transport.send(server.origin(), post(body=b"waiter")))
    await asyncio.sleep(0)
    await first.read()
    first.close()
    # The connection is free again, but the waiter has not had its turn of the loop yet.
    newcomer = asyncio.create_task(transport.send(server.origin(), post(body=b"newcomer")))
    await read_all(await waiting)
    await read_all(await newcomer)
    assert order == [b"first", b"waiter", b"newcomer"]
    await transport.aclose()


async def test_the_wait_for_a_place_is_bounded(serve: Serve) -> None:
    transport = HttpTransport(max_connections_per_origin=1)
    server = await serve(answering(OK))
    held = await transport.send(server.origin(), post())
    with pytest.raises(PoolTimeout) as full:
        await transport.send(server.origin(), post(pool=0.05))
    assert not full.value.sent
    await read_all(held)
    assert await read_all(await transport.send(server.origin(), post(pool=0.05))) == b"ok"
    assert server.requests == 2
    await transport.aclose()


async def test_a_place_freed_by_a_closed_connection_goes_to_a_waiter(serve: Serve) -> None:
    transport = HttpTransport(max_connections_per_origin=1)
    server = await serve(answering(OK))
    held = await transport.send(server.origin(), post())
    waiting = asyncio.create_task(transport.send(server.origin(), post()))
    await asyncio.sleep(0)
    held.close()
    assert await read_all(await waiting) == b"ok"
    assert server.accepted == 2
    assert transport.connections(server.origin()) == 1
    await transport.aclose()


@pytest.mark.parametrize("granted", [False, True])
@pytest.mark.parametrize("clean", [False, True])
async def test_a_cancelled_waiter_leaves_no_hole(serve: Serve, granted: bool, clean: bool) -> None:
    transport = HttpTransport(max_connections_per_origin=1)
    server = await serve(answering(OK))
    held = await transport.send(server.origin(), post())
    cancelled = asyncio.create_task(transport.send(server.origin(), post()))
    after = asyncio.create_task(transport.send(server.origin(), post()))
    await asyncio.sleep(0)
    if not granted:
        cancelled.cancel()
    if clean:
        await read_all(held)
    held.close()
    # With `granted` the place is already the waiter's, which has not had its turn of the loop yet.
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await read_all(await after) == b"ok"
    assert transport.connections(server.origin()) == 1
    await transport.aclose()


async def test_a_connection_lost_on_its_way_to_a_waiter_is_replaced_in_its_place(serve: Serve) -> None:
    server = await serve(answering(OK))
    pool = OriginPool(server.origin(), Burst(), max_connections=1, max_head_bytes=65_536, idle_seconds=15)
    connection = await pool.acquire(Timeouts())
    await connection.exchange(b"GET / HTTP/1.1\r\n\r\n", post(method="GET", body=b""))
    await connection.wait_for_body(1)
    assert connection.take_body() == b"ok"
    waiting = asyncio.create_task(pool.acquire(Timeouts()))
    behind = asyncio.create_task(pool.acquire(Timeouts()))
    await asyncio.sleep(0)
    connection.finish()
    connection.close()
    replacement = await waiting
    assert replacement is not connection
    assert (pool.places_taken, behind.done()) == (1, False)
    replacement.close()
    (await behind).close()
    assert pool.places_taken == 0


async def test_a_call_that_fails_in_an_unforeseen_way_gives_its_place_back(
    serve: Serve, transport: HttpTransport
) -> None:
    server = await serve(answering(OK))
    with pytest.raises(TypeError):
        await transport.send(server.origin(), post(first_byte="soon"))  # type: ignore[arg-type]  # the unforeseen
    assert transport.connections(server.origin()) == 0


async def test_a_failed_dial_gives_its_place_back(serve: Serve) -> None:
    transport = HttpTransport(max_connections_per_origin=1)
    server = await serve(answering(OK))
    origin = server.origin()
    await server.stop()
    for _ in range(5):
        with pytest.raises(NotSent):
            await transport.send(origin, post(pool=0.2))
        assert transport.connections(origin) == 0
    await transport.aclose()


# The end.


async def test_aclose_ends_exchanges_waiters_and_later_calls(serve: Serve) -> None:
    transport = HttpTransport(max_connections_per_origin=2)

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        if exchange.server.accepted == 1:
            await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
        await exchange.gone()

    server = await serve(handler)
    response = await transport.send(server.origin(), post())
    reading = asyncio.create_task(response.read())
    sending = asyncio.create_task(transport.send(server.origin(), post()))
    await server.until(lambda s: s.requests == 2)
    waiting = asyncio.create_task(transport.send(server.origin(), post()))
    await asyncio.sleep(0)
    await transport.aclose()
    for task, expected in ((reading, Truncated), (sending, Dropped), (waiting, NotSent)):
        with pytest.raises(expected):
            await task
    with pytest.raises(NotSent):
        await transport.send(server.origin(), post())
    await server.until(lambda s: s.open == 0)
    assert transport.connections(server.origin()) == 0
