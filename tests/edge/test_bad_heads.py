"""What is no valid HTTP/1.1, or could be read in two ways: refused in OpenAI's shape, and nothing after it is served."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from keyhouse.domain.errors import ErrorCode
from keyhouse.settings import Settings
from tests.edge.echo import Echo, echoing
from tests.edge.raw import Raw, chunked, get, until
from tests.houses import RunningEdge

pytestmark = pytest.mark.asyncio(loop_scope="module")
Both = tuple[RunningEdge, Echo]
ECHO = b"POST /v1/echo HTTP/1.1\r\nhost: x\r\n"
OURS = "/v1/echo"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Both]:
    async with echoing() as both:
        yield both


@pytest.fixture
def both(shared: Both) -> Both:
    """One edge for the whole file; nobody has asked it anything yet."""
    shared[0].refusals.clear()
    shared[1].forget()
    return shared


def line(text: bytes) -> bytes:
    return b"GET /v1/echo HTTP/1.1\r\nhost: x\r\n" + text + b"\r\n\r\n"


BAD = {
    "two hosts": (line(b"host: y"), 400, "The header 'host' was sent more than once."),
    "two hosts alike": (line(b"Host: x"), 400, "The header 'host' was sent more than once."),
    "no host": (b"GET /v1/echo HTTP/1.1\r\n\r\n", 400, "The request has no Host header."),
    "two authorizations": (line(b"authorization: Bearer a\r\nAuthorization: Bearer b"), 400, "'authorization' was sent more"),
    "two organizations": (line(b"openai-organization: a\r\nopenai-organization: a"), 400, "'openai-organization' was sent more"),
    "two projects": (line(b"openai-project: a\r\nOpenAI-Project: b"), 400, "'openai-project' was sent more than once"),
    "length and coding": (ECHO + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"hello"), 400, ""),
    "coding and length": (ECHO + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n" + chunked(b"hello"), 400, ""),
    "two lengths": (ECHO + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!", 400, ""),
    "two lengths alike": (ECHO + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello", 400, ""),
    "list of lengths": (ECHO + b"content-length: 5, 5\r\n\r\nhello", 400, "not valid HTTP/1.1"),
    "signed length": (ECHO + b"content-length: +5\r\n\r\nhello", 400, "not valid HTTP/1.1"),
    "negative length": (ECHO + b"content-length: -5\r\n\r\nhello", 400, "not valid HTTP/1.1"),
    "length with underscore": (ECHO + b"content-length: 1_0\r\n\r\nhellohello", 400, "not valid HTTP/1.1"),
    "hexadecimal length": (ECHO + b"content-length: 0x5\r\n\r\nhello", 400, "not valid HTTP/1.1"),
    "empty length": (ECHO + b"content-length:\r\n\r\nhello", 400, "not valid HTTP/1.1"),
    "endless length": (ECHO + b"content-length: 99999999999999999999999\r\n\r\nhello", 400, "not valid HTTP/1.1"),
    "gzip": (ECHO + b"transfer-encoding: gzip\r\n\r\nhello", 400, ""),
    "gzip, chunked": (ECHO + b"transfer-encoding: gzip, chunked\r\n\r\n" + chunked(b"hello"), 400, "understood is 'chunked'"),
    "chunked, gzip": (ECHO + b"transfer-encoding: chunked, gzip\r\n\r\n" + chunked(b"hello"), 400, ""),
    "chunked twice": (ECHO + b"transfer-encoding: chunked, chunked\r\n\r\n" + chunked(b"hello"), 400, ""),
    "chunked in two lines": (ECHO + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"x"), 400, ""),
    "chunked in HTTP/1.0": (
        ECHO.replace(b"1.1", b"1.0") + b"transfer-encoding: chunked\r\n\r\n" + chunked(b"x"), 400, "'chunked', in HTTP/1.1"
    ),
    "identity": (ECHO + b"transfer-encoding: identity\r\n\r\nhello", 400, ""),
    "xchunked": (ECHO + b"transfer-encoding: xchunked\r\n\r\n" + chunked(b"hello"), 400, ""),
    "empty coding": (ECHO + b"transfer-encoding:\r\n\r\n" + chunked(b"hello"), 400, ""),
    "other expectation": (ECHO + b"content-length: 5\r\nexpect: 200-ok\r\n\r\nhello", 417, "'100-continue'"),
    "two expectations": (ECHO + b"content-length: 5\r\nexpect: 100-continue, x\r\n\r\nhello", 417, "'100-continue'"),
    "101 headers": (line(b"\r\n".join(b"x-%d: y" % n for n in range(100))), 431, "The request has more than 100 headers."),
    "20,000 headers": (line(b"\r\n".join(b"x-%d: y" % n for n in range(20_000))), 431, "The request has more than 100 headers."),
    "a megabyte of key": (line(b"authorization: Bearer " + b"k" * 1_000_000), 431, "The request head is over 65,536 bytes."),
    "a megabyte of name": (line(b"n" * 1_000_000 + b": x"), 431, "The request head is over 65,536 bytes."),
    "a megabyte of target": (b"GET /v1/" + b"a" * 1_000_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431, "over 65,536 bytes"),
    "a megabyte of method": (b"G" * 1_000_000 + b" / HTTP/1.1\r\n\r\n", 400, "not valid HTTP/1.1"),
    "bare LF everywhere": (b"GET /v1/echo HTTP/1.1\nhost: x\n\n", 400, "not valid HTTP/1.1"),
    "bare LF in the head": (b"GET /v1/echo HTTP/1.1\r\nhost: x\nx: y\r\n\r\n", 400, "not valid HTTP/1.1"),
    "bare CR in a value": (line(b"x: a\rb"), 400, "not valid HTTP/1.1"),
    "NUL in a value": (line(b"x: a\x00b"), 400, "not valid HTTP/1.1"),
    "folded line": (line(b"x: a\r\n b"), 400, "not valid HTTP/1.1"),
    "space before the colon": (line(b"x : a"), 400, "not valid HTTP/1.1"),
    "no colon": (line(b"nothing"), 400, "not valid HTTP/1.1"),
    "no name": (line(b": x"), 400, "not valid HTTP/1.1"),
    "odd name": (line(b"x(y): z"), 400, "not valid HTTP/1.1"),
    "name beyond ASCII": (line("ä: z".encode()), 400, "not valid HTTP/1.1"),
    "absolute target": (b"GET http://x/v1/echo HTTP/1.1\r\nhost: x\r\n\r\n", 400, "The request target must be a path."),
    "absolute target elsewhere": (b"GET http://y/v1/echo HTTP/1.1\r\nhost: x\r\n\r\n", 400, "The request target must be a path."),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 400, "The request target must be a path."),
    "connect": (b"CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n", 400, "The request target must be a path."),
    "space in the target": (b"GET /v1/ec ho HTTP/1.1\r\nhost: x\r\n\r\n", 400, "not valid HTTP/1.1"),
    "no target": (b"GET HTTP/1.1\r\nhost: x\r\n\r\n", 400, ""),
    "HTTP/0.9": (b"GET /v1/echo\r\n\r\n", 400, "HTTP/1.1 and HTTP/1.0"),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, ""),
    "HTTP/2 by its version": (b"GET /v1/echo HTTP/2.0\r\nhost: x\r\n\r\n", 400, ""),
    "HTTP/1.2": (b"GET /v1/echo HTTP/1.2\r\nhost: x\r\n\r\n", 400, ""),
    "HTTP/9.9": (b"GET /v1/echo HTTP/9.9\r\nhost: x\r\n\r\n", 400, ""),
    "small letters": (b"get /v1/echo http/1.1\r\nhost: x\r\n\r\n", 400, "not valid HTTP/1.1"),
    "another protocol": (b"RTSP/1.0 200 OK\r\n\r\n", 400, "not valid HTTP/1.1"),
    "an answer": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 400, "not valid HTTP/1.1"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), 400, "not valid HTTP/1.1"),
    "zeros": (bytes(1000), 400, "not valid HTTP/1.1"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
async def test_a_bad_head_is_refused_within_a_second_and_nothing_after_it_is_served(both: Both, what: str) -> None:
    edge, echo = both
    data, status, sentence = BAD[what]
    began = time.monotonic()
    async with Raw(edge.port) as raw:
        answer = await raw.ask(data + get(b"/v1/echo/smuggled"))
        assert time.monotonic() - began < 1
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert sentence in answer.error["message"]
        assert await raw.closed() == b""
    assert echo.served == []
    assert [code.status for code in edge.refusals] == [status]


CHUNKED = ECHO + b"transfer-encoding: chunked\r\n\r\n"
BAD_CHUNKS = {
    "no size": CHUNKED + b"hello\r\n",
    "negative size": CHUNKED + b"-5\r\nhello\r\n",
    "prefixed size": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "size with a space": CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n",
    "endless size": CHUNKED + b"fffffffffffffffffff\r\nhello\r\n",
    "too short": CHUNKED + b"4\r\nhello\r\n0\r\n\r\n",
    "too long": CHUNKED + b"6\r\nhello\r\n0\r\n\r\n",
    "bare LF after the size": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "bare LF after the data": CHUNKED + b"5\r\nhello\n0\r\n\r\n",
    "bare CR": CHUNKED + b"5\rhello\r\n0\r\n\r\n",
    "bare LF in an extension": CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "NUL in an extension": CHUNKED + b"5;a=\x00\r\nhello\r\n0\r\n\r\n",
    "bad trailer": CHUNKED + b"5\r\nhello\r\n0\r\nnothing\r\n\r\n",
}


@pytest.mark.parametrize("what", BAD_CHUNKS)
async def test_broken_chunk_framing_is_refused_and_nothing_after_it_is_served(both: Both, what: str) -> None:
    edge, echo = both
    async with Raw(edge.port) as raw:
        answer = await raw.ask(BAD_CHUNKS[what] + get(b"/v1/echo/smuggled"))
        assert (answer.status, answer.code, answer.headers["connection"]) == (400, "headers_invalid", "close")
        assert await raw.closed() == b""
    assert echo.served in ([], [OURS]), "the head was good, so somebody may have waited for its body"


@pytest.mark.parametrize("name", [b"authorization", b"openai-project", b"x-odd", b"transfer-encodings", b"host"])
async def test_a_trailer_is_no_header(both: Both, name: bytes) -> None:
    edge, echo = both
    async with Raw(edge.port) as raw:
        answer = await raw.ask(CHUNKED + b"5\r\nhello\r\n0\r\n" + name + b": 7\r\n\r\n" + get(b"/v1/echo/next"))
        assert answer.status == 200
        assert b'"host", "x"' in answer.body
        assert b'"7"' not in answer.body
        assert (await raw.answer()).status == 200
    assert echo.served == [OURS, "/v1/echo/next"]


@pytest.mark.parametrize(
    "piece", [b"x" * 65536, b"x-many: y\r\n" * 6000], ids=["one endless trailer", "endless trailers"]
)
async def test_trailers_without_end_are_cut_off(both: Both, piece: bytes) -> None:
    async with Raw(both[0].port) as raw:
        await raw.say(CHUNKED + b"5\r\nhello\r\n0\r\nx: ")
        await raw.pour([piece] * 100)
        answer = await raw.answer()
    assert (answer.status, answer.code) == (431, "headers_too_large")


async def test_a_chunk_extension_without_end_is_cut_off(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        await raw.say(CHUNKED + b"5;ext=")
        await raw.pour([b"x" * 65536] * 100)
        answer = await raw.answer()
    assert (answer.status, answer.code) == (431, "headers_too_large")


async def test_small_chunks_with_extensions_are_no_abuse(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        answer = await raw.ask(CHUNKED + b"1;x=y\r\na\r\n" * 20_000 + b"0\r\n\r\n")
    assert b'"size": 20000' in answer.body


# --- pipelining ---


async def test_good_requests_before_a_bad_head_are_answered_then_the_bad_one_is_refused(both: Both) -> None:
    edge, echo = both
    async with Raw(edge.port) as raw:
        await raw.say(get(b"/v1/held") + get(b"/v1/echo/2") + line(b"host: y") + get(b"/v1/echo/smuggled"))
        await until(lambda: echo.served == ["/v1/held"])
        echo.go.set()
        assert [(await raw.answer()).status for _ in range(2)] == [200, 200]
        refused = await raw.answer()
        assert (refused.status, refused.error["message"]) == (400, "The header 'host' was sent more than once.")
        assert await raw.closed() == b""
    assert echo.served == ["/v1/held", "/v1/echo/2"]


async def test_a_bad_head_that_arrives_later_waits_for_its_turn(both: Both) -> None:
    edge, echo = both
    async with Raw(edge.port) as raw:
        await raw.say(get(b"/v1/held"))
        await until(lambda: echo.served == ["/v1/held"])
        await raw.say(b"\x00nonsense\r\n\r\n")
        assert await raw.is_quiet(0.1)
        echo.go.set()
        assert [(await raw.answer()).status for _ in range(2)] == [200, 400]
        assert await raw.closed() == b""


async def test_a_pipelined_body_with_broken_framing_is_refused_in_its_turn(both: Both) -> None:
    edge, echo = both
    async with Raw(edge.port) as raw:
        await raw.say(get(b"/v1/held") + BAD_CHUNKS["no size"] + get(b"/v1/echo/smuggled"))
        await until(lambda: echo.served == ["/v1/held"])
        echo.go.set()
        assert [(await raw.answer()).status for _ in range(2)] == [200, 400]
        assert await raw.closed() == b""
    assert "/v1/echo/smuggled" not in echo.served


async def test_pipelined_requests_are_bounded(both: Both) -> None:
    edge, echo = both
    async with Raw(edge.port) as raw:
        await raw.say(get(b"/v1/held") + get(b"/v1/echo") * 30)
        await until(lambda: echo.served == ["/v1/held"])
        echo.go.set()
        statuses = [(await raw.answer()).status for _ in range(18)]
        assert statuses == [200] * 17 + [503]
        assert await raw.closed() == b""


# --- upgrades ---


@pytest.mark.parametrize("offer", [b"websocket", b"h2c", b"TLS/1.0", b"nonsense"])
@pytest.mark.parametrize("body", [b"", b"hello", b"h" * 500_000], ids=["empty", "short", "long"])
@pytest.mark.parametrize("coding", ["length", "chunked"])
async def test_an_offer_to_upgrade_is_not_taken(both: Both, offer: bytes, body: bytes, coding: str) -> None:
    framing = b"content-length: %d" % len(body) if coding == "length" else b"transfer-encoding: chunked"
    head = ECHO + framing + b"\r\nconnection: upgrade, http2-settings\r\nupgrade: " + offer + b"\r\n\r\n"
    async with Raw(both[0].port) as raw:
        answer = await raw.ask(head + (body if coding == "length" else chunked(body)))
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert b'"size": %d,' % len(body) in answer.body
        assert await raw.closed() == b""


async def test_an_offer_without_a_body_is_answered_and_what_follows_is_not_served(both: Both) -> None:
    edge, echo = both
    async with Raw(edge.port) as raw:
        answer = await raw.ask(
            get(b"/v1/echo", b"connection: upgrade", b"upgrade: websocket") + get(b"/v1/echo/smuggled")
        )
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await raw.closed() == b""
    assert echo.served == [OURS]


async def test_broken_framing_after_an_offer_is_refused(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        assert (await raw.ask(CHUNKED[:-2] + b"connection: upgrade\r\nupgrade: h2c\r\n\r\nnonsense\r\n")).status == 400


# --- slowness ---


async def test_a_head_has_ten_seconds_by_default() -> None:
    assert Settings().head_timeout == 10.0


async def test_a_head_that_never_ends_is_cut_when_its_time_is_up() -> None:
    async with echoing(head_timeout=0.5) as (edge, echo), Raw(edge.port) as raw:
        began = time.monotonic()
        await raw.say(b"GET /v1/echo HTTP/1.1\r\n")
        while await raw.is_quiet(0.02) and time.monotonic() - began < 0.4:
            await raw.say(b"x: y\r\n")
        answer = await raw.answer()
        assert 0.4 < time.monotonic() - began < 1.5
        assert (answer.status, answer.code) == (408, "head_too_slow")
        assert await raw.closed() == b""
        assert (echo.served, edge.refusals) == ([], [ErrorCode.HEAD_TOO_SLOW])


async def test_empty_lines_without_end_are_a_head_that_never_ends() -> None:
    async with echoing(head_timeout=0.3) as (edge, _), Raw(edge.port) as raw:
        await raw.say(b"\r\n" * 100)
        assert (await raw.answer()).status == 408


async def test_a_pipelined_head_that_never_ends_is_cut_too() -> None:
    async with echoing(head_timeout=0.4) as (edge, _), Raw(edge.port) as raw:
        assert (await raw.ask(get(b"/v1/echo") + b"GET /v1/echo HTTP/1.1\r\nx: ")).status == 200
        assert (await raw.answer()).status == 408


async def test_a_slow_pipelined_head_does_not_tear_the_answer_before_it() -> None:
    async with echoing(head_timeout=0.3) as (edge, echo), Raw(edge.port) as raw:
        await raw.say(get(b"/v1/held") + b"GET /v1/echo HTTP/1.1\r\nx: ")
        assert await raw.is_quiet(0.9)
        echo.go.set()
        assert [(await raw.answer()).status for _ in range(2)] == [200, 408]


async def test_a_body_that_stops_is_cut_and_one_that_keeps_the_rate_is_not() -> None:
    async with (
        echoing(head_timeout=0.4, body_min_rate=100) as (edge, _),
        Raw(edge.port) as raw,
        Raw(edge.port) as steady,
    ):
        await raw.say(ECHO + b"content-length: 100\r\n\r\nhalf")
        await steady.say(ECHO + b"content-length: 200\r\n\r\n")
        for _ in range(20):
            assert await steady.is_quiet(0.05)
            await steady.say(b"x" * 10)
        assert (await steady.answer()).status == 200
        answer = await raw.answer()
        assert (answer.status, answer.code) == (408, "body_too_slow")
        assert await raw.closed() == b""
