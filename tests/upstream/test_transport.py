"""Promises 2 to 7: one request and its response, good and bad."""

from __future__ import annotations

import asyncio
import gzip
import socket

import pytest

from keyhouse.upstream.contract import (
    ConnectRefused,
    ConnectTimeout,
    Dropped,
    FirstByteTimeout,
    IdleTimeout,
    NotSent,
    Origin,
    UpstreamError,
)
from keyhouse.upstream.http import HttpTransport
from tests.upstream.conftest import Serve
from tests.upstream.transport_servers import OK, Exchange, answering, post, read_all

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


# What is sent and what comes back.


async def test_the_request_leaves_as_it_was_given(serve: Serve, transport: HttpTransport) -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def handler(exchange: Exchange) -> None:
        seen.append(await exchange.request())
        await exchange.say(OK)

    server = await serve(handler)
    origin = server.origin(base_path="/v1")
    headers = [(b"Authorization", b"Bearer x"), (b"x-twice", b"1"), (b"x-twice", "ü".encode("latin-1"))]
    response = await transport.send(origin, post("/chat?a=b%20c", b'{"a":1}', headers=headers))
    assert (response.status, await read_all(response)) == (200, b"ok")
    head = (
        b"POST /v1/chat?a=b%%20c HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-length: 7\r\n"
        b"Authorization: Bearer x\r\nx-twice: 1\r\nx-twice: \xfc\r\n\r\n"
    )
    assert seen == [(head % server.port, b'{"a":1}')]


async def test_a_get_has_no_framing_and_an_empty_post_has_length_zero(serve: Serve, transport: HttpTransport) -> None:
    seen: list[bytes] = []

    async def handler(exchange: Exchange) -> None:
        while True:
            seen.append((await exchange.request())[0])
            await exchange.say(OK)

    server = await serve(handler)
    for method in ("GET", "POST"):
        await read_all(await transport.send(server.origin(), post(method=method, body=b"")))
    assert b"content-length" not in seen[0]
    assert b"content-length: 0\r\n" in seen[1]


async def test_header_order_duplicates_and_bytes_are_kept(serve: Serve, transport: HttpTransport) -> None:
    server = await serve(
        answering(HEAD + b"X-B: 1\r\nx-a: caf\xc3\xa9 \xff\r\nX-b: 2\r\nX-None:\r\nContent-Length: 0\r\n\r\n")
    )
    response = await transport.send(server.origin(), post())
    assert await read_all(response) == b""
    assert response.headers == [
        (b"x-b", b"1"),
        (b"x-a", b"caf\xc3\xa9 \xff"),
        (b"x-b", b"2"),
        (b"x-none", b""),
        (b"content-length", b"0"),
    ]


async def test_compressed_bodies_pass_untouched(serve: Serve, transport: HttpTransport) -> None:
    packed = gzip.compress(b"hello" * 100)
    head = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    server = await serve(answering(head + packed))
    response = await transport.send(server.origin(), post())
    assert await read_all(response) == packed


async def test_interim_responses_are_skipped(serve: Serve, transport: HttpTransport) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    server = await serve(answering(interim + OK))
    for _ in range(2):
        response = await transport.send(server.origin(), post())
        assert response.headers == [(b"content-length", b"2")]
        assert await read_all(response) == b"ok"
    assert server.accepted == 1


@pytest.mark.parametrize(
    ("method", "raw", "status"),
    [
        ("HEAD", HEAD + b"content-length: 10\r\n\r\n", 200),
        ("HEAD", CHUNKED, 200),
        ("POST", b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("POST", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n", 304),
    ],
)
async def test_head_204_and_304_have_no_body(
    serve: Serve, transport: HttpTransport, method: str, raw: bytes, status: int
) -> None:
    server = await serve(answering(raw))
    for _ in range(2):
        response = await transport.send(server.origin(), post(method=method, body=b""))
        assert (response.status, await read_all(response)) == (status, b"")


async def test_a_body_ends_with_the_connection_where_nothing_frames_it(serve: Serve, transport: HttpTransport) -> None:
    server = await serve(answering(b"HTTP/1.0 200 OK\r\n\r\nall of it", then_close=True))
    response = await transport.send(server.origin(), post())
    assert await read_all(response) == b"all of it"


async def test_chunks_that_arrived_together_are_read_together(serve: Serve, transport: HttpTransport) -> None:
    server = await serve(answering(CHUNKED + b"2\r\nab\r\n3;ext=1\r\ncde\r\n0\r\ntrailer: x\r\n\r\n"))
    response = await transport.send(server.origin(), post())
    assert [await response.read(), await response.read()] == [b"abcde", b""]
    assert response.headers == [(b"transfer-encoding", b"chunked")]


async def test_a_chunk_is_read_as_soon_as_it_arrives(serve: Serve, transport: HttpTransport) -> None:
    more = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(CHUNKED + b"2\r\nab\r\n")
        await more.wait()
        await exchange.say(b"2\r\ncd\r\n0\r\n\r\n")

    server = await serve(handler)
    response = await transport.send(server.origin(), post())
    assert await response.read() == b"ab"
    more.set()
    assert await read_all(response) == b"cd"


# Failures that are told apart, and what may have been seen.


async def test_refused_connections_are_not_sent(transport: HttpTransport) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectRefused) as refused:
            await transport.send(Origin("http", "127.0.0.1", unused.getsockname()[1]), post())
    assert isinstance(refused.value, NotSent)
    assert not refused.value.sent


async def test_unresolvable_names_are_not_sent(transport: HttpTransport) -> None:
    with pytest.raises(ConnectRefused, match="could not be resolved"):
        await transport.send(Origin("http", "nowhere.invalid", 80), post())


async def test_an_upstream_that_never_accepts_is_a_connect_timeout(transport: HttpTransport) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                # The backlog is full after the first of these; the others are never answered.
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            with pytest.raises(ConnectTimeout) as late:
                await transport.send(Origin("http", "127.0.0.1", listener.getsockname()[1]), post(connect=0.2))
        finally:
            for filler in fillers:
                filler.close()
    assert not late.value.sent


async def test_a_connection_that_ends_before_the_head_is_dropped(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()

    server = await serve(handler)
    with pytest.raises(Dropped) as dropped:
        await transport.send(server.origin(), post())
    assert dropped.value.sent
    assert server.requests == 1
    assert transport.connections(server.origin()) == 0


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 O"])
async def test_a_reset_before_the_head_is_dropped(serve: Serve, transport: HttpTransport, said: bytes) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(said)
        exchange.reset()

    server = await serve(handler)
    with pytest.raises(Dropped):
        await transport.send(server.origin(), post())
    assert server.requests == 1


async def test_a_slow_head_is_a_first_byte_timeout(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200")
        await exchange.gone()

    server = await serve(handler)
    with pytest.raises(FirstByteTimeout) as late:
        await transport.send(server.origin(), post(first_byte=0.1))
    assert late.value.sent
    await server.until(lambda s: s.open == 0)


async def test_a_body_that_stops_is_an_idle_timeout(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(HEAD + b"content-length: 10\r\n\r\nhello")
        await exchange.gone()

    server = await serve(handler)
    response = await transport.send(server.origin(), post(idle=0.1))
    assert await response.read() == b"hello"
    with pytest.raises(IdleTimeout):
        await response.read()
    await server.until(lambda s: s.open == 0)


async def test_a_steady_drip_is_no_idle_timeout(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(HEAD + b"content-length: 10\r\n\r\n")
        for _ in range(10):
            await asyncio.sleep(0.03)
            await exchange.say(b"x")

    server = await serve(handler)
    response = await transport.send(server.origin(), post(idle=0.2, first_byte=0.2))
    assert await read_all(response) == b"x" * 10


async def test_a_slow_reader_is_no_idle_timeout(serve: Serve, transport: HttpTransport) -> None:
    server = await serve(answering(HEAD + b"content-length: 5\r\n\r\nhello"))
    response = await transport.send(server.origin(), post(idle=0.05, first_byte=0.05))
    await asyncio.sleep(0.15)
    assert await read_all(response) == b"hello"


# Requests that cannot be well formed.


@pytest.mark.parametrize(
    "bad",
    [
        post("/a b"),
        post("a"),
        post("/a\r\nx: y"),
        post("/ä"),
        post(method="GET /x"),
        post(headers=[(b"x", b"secret\r\ny: z")]),
        post(headers=[(b"x\nsecret", b"y")]),
        post(headers=[(b"x", b"secret\0")]),
        post(headers=[(b"Content-Length", b"5")]),
        post(headers=[(b"Transfer-Encoding", b"chunked")]),
        post(headers=[(b"Host", b"secret")]),
    ],
)
async def test_requests_that_would_smuggle_are_refused_unsent(
    serve: Serve, transport: HttpTransport, bad: object
) -> None:
    server = await serve(answering(OK))
    with pytest.raises(ValueError, match=r"characters|own|line break") as refused:
        await transport.send(server.origin(), bad)  # type: ignore[arg-type]  # parametrised as an object
    assert "secret" not in str(refused.value)
    assert server.accepted == 0


async def test_no_secret_is_in_a_repr_or_an_error(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        head, body = await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\nbroken " + head[-20:] + body + b"\r\n\r\n")

    server = await serve(handler)
    request = post(headers=[(b"authorization", b"Bearer s3cret")], body=b"s3cret")
    with pytest.raises(UpstreamError) as failure:
        await transport.send(server.origin(), request)
    assert "s3cret" not in repr(request) + repr(failure.value) + str(failure.value)
    assert f"127.0.0.1:{server.port}" in str(failure.value)
