"""Promise 8: bodies stream both ways, at the pace of the slower side, in constant memory."""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from keyhouse.upstream.contract import Dropped, FirstByteTimeout, IdleTimeout, ProtocolViolation, Truncated
from keyhouse.upstream.http import HttpTransport
from tests.upstream.conftest import Serve
from tests.upstream.transport_servers import OK, Exchange, post, read_all

MIB = 1024 * 1024
SOCKET_BUFFERS = 16 * MIB
"""More than the system ever holds on one loopback connection, far less than what the tests send."""


class Source:
    """An upload that counts what was taken from it, and notices that it was closed."""

    def __init__(self, piece: bytes, times: int) -> None:
        self.piece = piece
        self.times = times
        self.taken = 0
        self.closed = False

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            for _ in range(self.times):
                self.taken += len(self.piece)
                yield self.piece
        finally:
            self.closed = True


# Uploads.


@pytest.mark.parametrize("sized", [False, True])
async def test_a_large_upload_streams_in_constant_memory(serve: Serve, transport: HttpTransport, sized: bool) -> None:
    source = Source(b"0123456789abcdef" * 4096, 1024)
    total = len(source.piece) * source.times
    assert total == 64 * MIB
    most_ahead = received = 0

    async def handler(exchange: Exchange) -> None:
        nonlocal most_ahead, received
        head = await exchange.head()
        assert (b"content-length: %d\r\n" % total in head) == sized
        framing = 0 if sized else source.times * (len(b"10000\r\n\r\n")) + len(b"0\r\n\r\n")
        while received < total + framing:
            received += len(await exchange.reader.read(MIB))
            most_ahead = max(most_ahead, source.taken - received)
        await exchange.say(OK)

    server = await serve(handler)
    tracemalloc.start()
    body = post(body=source.pieces(), content_length=total if sized else None)
    response = await transport.send(server.origin(), body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert await read_all(response) == b"ok"
    assert most_ahead < SOCKET_BUFFERS
    assert peak < 8 * MIB
    assert source.closed
    assert transport.connections(server.origin()) == 1


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 5 * MIB])
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_body_of_any_size_arrives_whole(
    serve: Serve, transport: HttpTransport, size: int, streamed: bool
) -> None:
    whole = hashlib.shake_128(b"x").digest(size)
    seen: list[bytes] = []

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, 100_000):
            yield whole[start : start + 100_000]
            yield b""

    async def handler(exchange: Exchange) -> None:
        while True:
            seen.append((await exchange.request())[1])
            await exchange.say(OK)

    server = await serve(handler)
    for _ in range(2):
        body = pieces() if streamed else whole
        assert await read_all(await transport.send(server.origin(), post(body=body))) == b"ok"
    assert seen == [whole, whole]
    assert server.accepted == 1


async def test_an_upload_waits_for_an_upstream_that_does_not_read(serve: Serve, transport: HttpTransport) -> None:
    source = Source(bytes(100_000), 10_000)

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await go_on.wait()

    go_on = asyncio.Event()
    server = await serve(handler)
    with pytest.raises(IdleTimeout) as stuck:
        await transport.send(server.origin(), post(body=source.pieces(), idle=0.3))
    assert stuck.value.sent
    assert 0 < source.taken < SOCKET_BUFFERS
    assert source.closed
    go_on.set()
    await server.until(lambda s: s.open == 0)


async def test_the_first_byte_is_waited_for_from_the_end_of_the_upload(serve: Serve, transport: HttpTransport) -> None:
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(6):
            await asyncio.sleep(0.05)
            yield b"x"

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.gone()

    server = await serve(handler)
    started = asyncio.get_running_loop().time()
    with pytest.raises(FirstByteTimeout):
        await transport.send(server.origin(), post(body=slow(), first_byte=0.1, idle=0.2))
    assert asyncio.get_running_loop().time() - started > 0.35


@pytest.mark.parametrize("waits", ["for its caller", "for the upstream"])
async def test_an_early_answer_stops_the_upload(serve: Serve, transport: HttpTransport, waits: str) -> None:
    source = Source(bytes(100_000), 10_000)

    async def one_piece_and_then_nothing() -> AsyncIterator[bytes]:
        try:
            yield b"x"
            await asyncio.Event().wait()
        finally:
            source.closed = True

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0.02)
        await exchange.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\n")
        await asyncio.sleep(0.02)
        await exchange.say(b"big")
        await read.wait()
        await exchange.gone()

    read = asyncio.Event()
    server = await serve(handler)
    body = one_piece_and_then_nothing() if waits == "for its caller" else source.pieces()
    response = await transport.send(server.origin(), post(body=body))
    assert response.status == 413
    assert source.closed
    assert await read_all(response) == b"big"
    assert transport.connections(server.origin()) == 0
    read.set()
    await server.until(lambda s: s.open == 0)


async def test_an_upstream_that_hangs_up_stops_the_upload(serve: Serve, transport: HttpTransport) -> None:
    source = Source(bytes(100_000), 10_000)

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await asyncio.sleep(0.02)
        exchange.reset()

    server = await serve(handler)
    with pytest.raises(Dropped):
        await transport.send(server.origin(), post(body=source.pieces()))
    assert source.closed


async def test_the_callers_error_closes_the_connection_and_is_raised(serve: Serve, transport: HttpTransport) -> None:
    class ClientGoneError(Exception):
        pass

    async def failing() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.sleep(0.02)
        raise ClientGoneError

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.gone()

    server = await serve(handler)
    with pytest.raises(ClientGoneError):
        await transport.send(server.origin(), post(body=failing()))
    assert transport.connections(server.origin()) == 0
    await server.until(lambda s: s.open == 0)


@pytest.mark.parametrize("length", [9, 11])
async def test_a_body_unlike_its_length_is_refused(serve: Serve, transport: HttpTransport, length: int) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.gone()

    server = await serve(handler)
    with pytest.raises(ValueError, match="content_length"):
        await transport.send(server.origin(), post(body=Source(b"hello", 2).pieces(), content_length=length))
    assert transport.connections(server.origin()) == 0
    await server.until(lambda s: s.open == 0)


# Downloads.


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_download_waits_for_a_slow_reader(serve: Serve, transport: HttpTransport, chunked: bool) -> None:
    piece = bytes(64 * 1024)
    total = 1024 * len(piece)
    written = received = 0

    async def handler(exchange: Exchange) -> None:
        nonlocal written
        await exchange.request()
        framing = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % total
        await exchange.say(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        for _ in range(total // len(piece)):
            await exchange.say(b"10000\r\n" + piece + b"\r\n" if chunked else piece)
            written += len(piece)
        await exchange.say(b"0\r\n\r\n" if chunked else b"")
        await exchange.gone()

    server = await serve(handler)
    response = await transport.send(server.origin(), post())
    stalled_at = -1
    while stalled_at != written:
        stalled_at = written
        await asyncio.sleep(0.05)
    assert 0 < stalled_at < SOCKET_BUFFERS
    tracemalloc.start()
    while data := await response.read():
        received += len(data)
        assert written - received < SOCKET_BUFFERS
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    response.close()
    assert received == total
    assert peak < 8 * MIB
    assert transport.connections(server.origin()) == 1


# Bodies that are handed on as they arrive.

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b"5\r\nhello\r\n0\r\n\r\n", None),
        (b"5\r\nhello\r\nxyz\r\n", ProtocolViolation),
        (b"5\r\nhello\r\n0\r\n\r\nmore", ProtocolViolation),
        (b"5\r\nhello\r\n", Truncated),
    ],
)
async def test_handing_on_gives_what_arrived_and_then_its_end(
    serve: Serve, transport: HttpTransport, early: bool, rest: bytes, expected: type[Exception] | None
) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(CHUNKED + (rest if early else b""))
        await asyncio.sleep(0.02)
        await exchange.say(b"" if early else rest)
        if expected is None:
            await exchange.gone()

    server = await serve(handler)
    taken: list[bytes] = []

    def take(piece: bytes) -> bool:
        taken.append(piece)
        return True

    response = await transport.send(server.origin(), post())
    async with asyncio.timeout(2):
        if expected is None:
            assert await response.hand_on(take)
        else:
            with pytest.raises(expected):
                await response.hand_on(take)
    assert b"".join(taken) == b"hello"
    assert transport.connections(server.origin()) == (1 if expected is None else 0)


async def test_handing_on_stops_where_it_is_asked_to_and_can_go_on(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(CHUNKED + b"1\r\na\r\n")
        await go_on.wait()
        await exchange.say(b"1\r\nb\r\n0\r\n\r\n")
        await exchange.gone()

    go_on = asyncio.Event()
    server = await serve(handler)
    taken: list[bytes] = []
    response = await transport.send(server.origin(), post())

    def take_one(piece: bytes) -> bool:
        taken.append(piece)
        return False

    assert not await response.hand_on(take_one)
    go_on.set()
    assert await read_all(response) == b"b"
    assert taken == [b"a"]


async def test_handing_on_is_bounded_by_the_idle_timeout(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(CHUNKED + b"1\r\na\r\n")
        await exchange.gone()

    server = await serve(handler)
    response = await transport.send(server.origin(), post(idle=0.1))
    with pytest.raises(IdleTimeout):
        await response.hand_on(lambda _: True)
    await server.until(lambda s: s.open == 0)


async def test_a_handing_on_that_is_cancelled_closes_the_connection(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(CHUNKED + b"1\r\na\r\n")
        await exchange.gone()

    server = await serve(handler)
    response = await transport.send(server.origin(), post())
    first = asyncio.Event()

    def take(_: bytes) -> bool:
        first.set()
        return True

    handing = asyncio.create_task(response.hand_on(take))
    await first.wait()
    handing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handing
    await server.until(lambda s: s.open == 0)
    assert transport.connections(server.origin()) == 0
