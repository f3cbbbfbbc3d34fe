"""What an upstream says about its own bytes: bodies that are not what their framing says, and the parser beneath."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyhouse.upstream.contract import (
    ProtocolViolation,
    Truncated,
)
from keyhouse.upstream.http import HttpTransport
from keyhouse.upstream.http.parser import MalformedResponse, ResponseParser
from tests.upstream.conftest import Serve
from tests.upstream.transport_servers import OK, Exchange, answering, post, read_all

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


# Bodies that are not what their framing says.


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    "raw", [HEAD + b"content-length: 10\r\n\r\nhello", CHUNKED + b"a\r\nhello", CHUNKED + b"5\r\nhello\r\n"]
)
async def test_a_short_body_is_truncated(serve: Serve, transport: HttpTransport, raw: bytes, reset: bool) -> None:
    read = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(raw)
        await read.wait()
        if reset:
            exchange.reset()

    server = await serve(handler)
    response = await transport.send(server.origin(), post())
    assert await response.read() == b"hello"
    read.set()
    with pytest.raises(Truncated) as truncated:
        await response.read()
    assert truncated.value.sent
    with pytest.raises(Truncated):
        await response.read()


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"content-length: 5\r\n\r\nhello world",
        HEAD + b"content-length: 5\r\n\r\nhello\r\n",
        HEAD + b"content-length: 5\r\nconnection: close\r\n\r\nhello world",
        HEAD + b"content-length: 5\r\n\r\nhello" + OK,
        CHUNKED + b"5\r\nhello\r\n0\r\n\r\nmore",
        CHUNKED + b"5\r\nhello world\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\nxyz\r\n",
        CHUNKED + b"5\r\nhello\r\n-1\r\n",
        CHUNKED + b"5\r\nhello\n0\r\n\r\n",
    ],
)
async def test_an_over_long_or_ill_framed_body_is_an_error(serve: Serve, transport: HttpTransport, raw: bytes) -> None:
    server = await serve(answering(raw))
    response = await transport.send(server.origin(), post())
    with pytest.raises(ProtocolViolation):
        await read_all(response)
    await server.until(lambda s: s.open == 0)
    assert transport.connections(server.origin()) == 0


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok",
        HEAD + b"content-length: 2, 3\r\n\r\nok",
        HEAD + b"content-length: -2\r\n\r\nok",
        HEAD + b"content-length: 99999999999999999999999\r\n\r\nok",
        HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: identity\r\n\r\nok",
        HEAD + b"x-a: 1\r\n folded\r\ncontent-length: 2\r\n\r\nok",
        HEAD + b"x-a : 1\r\ncontent-length: 2\r\n\r\nok",
        HEAD + b"x-a: \0\r\ncontent-length: 2\r\n\r\nok",
        HEAD.replace(b"\r", b"") + b"content-length: 2\n\nok",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 099 Early\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 150 Odd\r\ncontent-length: 2\r\n\r\nok" + OK,
        b"HTTP/2 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<html>not http</html>\r\n\r\n",
    ],
)
async def test_heads_that_could_be_read_in_two_ways_are_refused(
    serve: Serve, transport: HttpTransport, raw: bytes
) -> None:
    server = await serve(answering(raw))
    with pytest.raises(ProtocolViolation) as violation:
        await transport.send(server.origin(), post())
    assert violation.value.sent
    await server.until(lambda s: s.open == 0)
    assert server.requests == 1


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"x: " + b"a" * 5000 + b"\r\ncontent-length: 2\r\n\r\nok",
        HEAD + b"x: y\r\n" * 1000 + b"content-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 " + b"a" * 5000 + b"\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n" * 500 + OK,
        HEAD + b"x: " + b"a" * 5000,
    ],
)
async def test_heads_over_the_cap_are_refused(serve: Serve, raw: bytes) -> None:
    transport = HttpTransport(max_head_bytes=4096)
    server = await serve(answering(raw))
    with pytest.raises(ProtocolViolation, match="4096 bytes of head"):
        await transport.send(server.origin(), post())
    await transport.aclose()


async def test_a_head_that_drips_over_the_cap_is_refused(serve: Serve) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(HEAD + b"x: ")
        while True:
            await exchange.say(b"a" * 100)
            await asyncio.sleep(0)

    transport = HttpTransport(max_head_bytes=4096)
    server = await serve(handler)
    with pytest.raises(ProtocolViolation, match="4096 bytes of head"):
        await transport.send(server.origin(), post())
    await transport.aclose()


async def test_trailers_over_the_cap_are_refused(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(CHUNKED + b"2\r\nok\r\n0\r\n")
        while True:
            await exchange.say(b"x: " + b"a" * 1000 + b"\r\n")

    server = await serve(handler)
    response = await transport.send(server.origin(), post())
    with pytest.raises(ProtocolViolation):
        await read_all(response)


# The parser, however its input is cut.


@settings(max_examples=200, deadline=None)
@given(cuts=st.lists(st.integers(1, 200), max_size=12))
def test_a_response_reads_the_same_however_it_is_cut(cuts: list[int]) -> None:
    raw = b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\nt: x\r\n\r\n"
    parser = ResponseParser(65_536)
    edges = [0, *sorted({cut for cut in cuts if cut < len(raw)}), len(raw)]
    for start, end in pairwise(edges):
        assert not parser.complete
        parser.feed(raw[start:end])
    assert (parser.status, parser.headers) == (200, [(b"transfer-encoding", b"chunked")])
    assert b"".join(parser.pieces) == b"hello world"
    assert parser.complete
    assert parser.reusable


@settings(max_examples=300, deadline=None)
@given(noise=st.binary(max_size=200), cut=st.integers(0, 200))
def test_noise_never_escapes_as_another_error(noise: bytes, cut: int) -> None:
    parser = ResponseParser(65_536)
    raw = (CHUNKED[:cut] + noise) or b"x"
    try:
        parser.feed(raw)
    except MalformedResponse:
        return
    assert not parser.complete or parser.head_done
