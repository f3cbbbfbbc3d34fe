"""HTTP/1.1 over real sockets: what is answered, in what order, and how a connection ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from keyhouse.domain.errors import ErrorCode
from keyhouse.edge.exchange import Exchange
from keyhouse.edge.http1 import GatewayProtocol
from tests.edge.echo import LIMIT, Echo, echoing
from tests.edge.raw import Raw, chunked, get, post, until
from tests.houses import RunningEdge

pytestmark = pytest.mark.asyncio(loop_scope="module")
Both = tuple[RunningEdge, Echo]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Both]:
    async with echoing() as both:
        yield both


@pytest.fixture
def both(shared: Both) -> Both:
    """One edge for the whole file; nobody has asked it anything yet."""
    shared[1].forget()
    return shared


async def asked(edge: RunningEdge, data: bytes) -> dict[str, Any]:
    async with Raw(edge.port) as raw:
        answer = await raw.ask(data)
    assert answer.status == 200
    facts: dict[str, Any] = json.loads(answer.body)
    return facts


# --- good requests ---


async def test_a_request_arrives_as_it_was_sent(both: Both) -> None:
    facts = await asked(both[0], post(b'{"a":"\xff"}', b"X-Odd: caf\xe9", path=b"/v1/echo?x=1&y=%20"))
    assert facts == {
        "method": "POST",
        "path": "/v1/echo",
        "headers": [["host", "x"], ["content-length", "9"], ["x-odd", "café"]],
        "size": 9,
        "body": '{"a":"\xff"}',
    }


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1000])
async def test_a_request_in_pieces_is_the_same_request(both: Both, cut: int) -> None:
    whole = post(b"0123456789" * 50, path=b"/v1/echo")
    async with Raw(both[0].port) as raw:
        for start in range(0, len(whole), cut):
            await raw.say(whole[start : start + cut])
        assert json.loads((await raw.answer()).body)["size"] == 500


async def test_a_chunked_body_is_put_together(both: Both) -> None:
    head = b"POST /v1/echo HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
    facts = await asked(both[0], head + b"5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    assert facts["body"] == "hello world"


async def test_a_connection_is_kept_for_the_next_request(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        for body in (b"one", b"", b"three"):
            answer = await raw.ask(post(body, path=b"/v1/echo"))
            assert json.loads(answer.body)["body"] == body.decode()
            assert "connection" not in answer.headers


async def test_pipelined_requests_are_answered_in_order(both: Both) -> None:
    edge, echo = both
    async with Raw(edge.port) as raw:
        await raw.say(get(b"/v1/held") + b"".join(post(b"x" * n, path=b"/v1/echo/%d" % n) for n in range(8)))
        assert await raw.is_quiet(0.1), "the first one is not answered yet"
        echo.go.set()
        assert json.loads((await raw.answer()).body)["path"] == "/v1/held"
        for n in range(8):
            facts = json.loads((await raw.answer()).body)
            assert (facts["path"], facts["size"]) == (f"/v1/echo/{n}", n)


async def test_a_stream_is_chunked_and_its_connection_is_kept(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        for _ in range(2):
            answer = await raw.ask(get(b"/v1/stream"))
            assert (answer.headers["transfer-encoding"], answer.body) == ("chunked", b"one two three")


async def test_an_answer_that_is_cut_is_seen_as_cut(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        await raw.say(get(b"/v1/torn"))
        rest = await raw.closed()
    assert rest.endswith(b"4\r\none \r\n4\r\ntwo \r\n")


async def test_head_gets_the_head_alone_and_the_connection_goes_on(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        answer = await raw.ask(get(b"/v1/echo").replace(b"GET", b"HEAD"), head_only=True)
        assert int(answer.headers["content-length"]) > 0
        assert json.loads((await raw.ask(get(b"/v1/echo"))).body)["method"] == "GET"


async def test_http_1_0_is_answered_and_closed(both: Both) -> None:
    for line in (b"", b"host: x\r\n"):
        async with Raw(both[0].port) as raw:
            answer = await raw.ask(b"GET /v1/echo HTTP/1.0\r\n" + line + b"\r\n")
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert await raw.closed() == b""


async def test_an_http_1_0_stream_ends_with_its_connection(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        await raw.say(b"GET /v1/stream HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        head, _, body = (await raw.closed()).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body == b"one two three"


async def test_connection_close_is_obeyed(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        answer = await raw.ask(post(b"x", b"connection: close", path=b"/v1/echo") + get(b"/v1/echo/late"))
        assert answer.headers["connection"] == "close"
        assert await raw.closed() == b""
    assert both[1].served == ["/v1/echo"]


async def test_what_is_not_the_data_planes_goes_to_the_application(both: Both) -> None:
    edge, echo = both
    async with Raw(edge.port) as raw:
        for path in (
            b"/",
            b"/v1",
            b"/v1/organization/projects",
            b"/v1/projects/x",
            b"/metrics",
            b"/healthzz",
            b"/V1/models",
        ):
            answer = await raw.ask(get(path))
            assert (answer.status, answer.body) == (404, b"nothing")
        await raw.say(get(b"/v1/echo/1") + get(b"/metrics") + get(b"/v1/echo/2"))
        assert [(await raw.answer()).status for _ in range(3)] == [200, 404, 200]
    assert echo.served == ["/v1/echo/1", "/v1/echo/2"]


# --- bodies and expectations ---


async def test_100_continue_is_sent_when_the_body_is_asked_for(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        await raw.say(post(b"", b"expect: 100-continue", path=b"/v1/echo").replace(b"length: 0", b"length: 5"))
        assert (await raw.answer()).status == 100
        answer = await raw.ask(b"hello")
    assert json.loads(answer.body)["body"] == "hello"


async def test_a_refusal_that_needs_no_body_is_sent_instead_of_100_continue(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        answer = await raw.ask(
            post(b"", b"Expect: 100-Continue", path=b"/v1/unread").replace(b"length: 0", b"length: 5")
        )
        assert (answer.status, answer.headers["connection"]) == (200, "close")


async def test_an_expectation_of_http_1_0_is_ignored(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        await raw.say(b"POST /v1/echo HTTP/1.0\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
        assert await raw.is_quiet(0.1), "RFC 9110, 10.1.1"
        assert (await raw.ask(b"hi")).status == 200


async def test_an_answer_before_the_body_closes_after_the_client_could_read_it(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        await raw.say(b"POST /v1/unread HTTP/1.1\r\nhost: x\r\ncontent-length: 50000000\r\n\r\n")
        await raw.pour(b"x" * 65536 for _ in range(200))
        answer = await raw.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await raw.closed() == b""


@pytest.mark.parametrize("coding", ["length", "chunked"])
async def test_a_body_over_the_limit_is_refused_before_it_is_whole(both: Both, coding: str) -> None:
    async with Raw(both[0].port) as raw:
        if coding == "length":
            await raw.say(b"POST /v1/echo HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (LIMIT + 1))
        else:
            await raw.say(b"POST /v1/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            await raw.pour(b"%x\r\n%b\r\n" % (65536, b"x" * 65536) for _ in range(17))
        answer = await raw.answer()
        assert (answer.status, answer.code) == (413, "body_too_large")
        assert answer.error["message"] == "The request body is over the limit of 1,048,576 bytes."
        assert await raw.closed() == b""


async def test_a_body_of_just_the_limit_is_taken(both: Both) -> None:
    async with Raw(both[0].port) as raw:
        assert json.loads((await raw.ask(post(b"x" * LIMIT, path=b"/v1/echo"))).body)["size"] == LIMIT
        head = b"POST /v1/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        assert json.loads((await raw.ask(head + chunked(*[b"x" * 65536] * 16))).body)["size"] == LIMIT


async def test_a_body_that_nobody_reads_does_not_fill_the_memory() -> None:
    async with echoing() as (edge, _), Raw(edge.port) as raw:
        await raw.say(get(b"/v1/held") + b"POST /v1/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n")
        poured = 0
        while await raw.is_quiet(0.01) and raw.writer.transport.get_write_buffer_size() < 5_000_000:
            assert poured < 50_000_000
            raw.writer.write(b"x" * 1_000_000)
            poured += 1_000_000
        (protocol,) = edge.server.server_state.connections
        assert isinstance(protocol, GatewayProtocol)
        (waiting,) = protocol.waiting
        assert isinstance(waiting, Exchange)
        assert waiting.body_size < 1_000_000


# --- the end of connections ---


async def test_a_client_that_goes_away_is_noticed(both: Both) -> None:
    edge, echo = both
    for leave in ("close", "reset"):
        async with Raw(edge.port) as raw:
            await raw.say(get(b"/v1/held"))
            await until(lambda: len(echo.served) == len(echo.gone) + 1)
            raw.reset() if leave == "reset" else raw.writer.close()
            await until(lambda: len(echo.served) == len(echo.gone))


async def test_a_half_closed_client_has_gone(both: Both) -> None:
    edge, echo = both
    async with Raw(edge.port) as raw:
        await raw.say(get(b"/v1/held"))
        await until(lambda: echo.served == ["/v1/held"])
        raw.writer.write_eof()
        await until(lambda: echo.gone == ["/v1/held"])


async def test_a_client_that_goes_away_in_the_middle_of_its_body_ends_the_wait_for_it(both: Both) -> None:
    edge, echo = both
    async with Raw(edge.port) as raw:
        await raw.say(b"POST /v1/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
        await until(lambda: echo.served == ["/v1/echo"])
    await until(lambda: echo.gone == ["/v1/echo"])
    await until(lambda: not edge.server.server_state.tasks)


async def test_all_connections_are_bounded_and_the_refused_one_is_told() -> None:
    async with echoing(max_connections=3) as (edge, _), Raw(edge.port) as a, Raw(edge.port) as b, Raw(edge.port) as c:
        for raw in (a, b, c):
            assert (await raw.ask(get(b"/v1/echo"))).status == 200
        async with Raw(edge.port) as late:
            answer = await late.answer()
        assert (answer.status, answer.code) == (503, "service_busy")
        assert answer.error["message"] == "The server has all the connections it can take."
        assert edge.refusals == [ErrorCode.SERVICE_BUSY]
        await until(lambda: len(edge.server.server_state.connections) == 3)
        a.writer.transport.abort()
        await until(lambda: len(edge.server.server_state.connections) == 2)
        async with Raw(edge.port) as next_one:
            assert (await next_one.ask(get(b"/v1/echo"))).status == 200


async def test_connections_of_one_address_are_bounded() -> None:
    async with echoing(max_connections_per_address=1) as (edge, _), Raw(edge.port) as first:
        assert (await first.ask(get(b"/v1/echo"))).status == 200
        async with Raw(edge.port) as second:
            assert (await second.answer()).error["message"] == "This address has all the connections it may have."
        assert (await first.ask(get(b"/v1/echo"))).status == 200


async def test_an_idle_connection_is_closed_when_its_time_is_up_and_not_before() -> None:
    async with echoing(keep_alive=0.6) as (edge, _), Raw(edge.port) as raw, Raw(edge.port) as silent:
        assert (await raw.ask(get(b"/v1/echo"))).status == 200
        assert await raw.is_quiet(0.3)
        assert await raw.closed(within=1.5) == b""
        assert await silent.closed(within=1.5) == b""


async def test_a_call_that_runs_is_not_idle() -> None:
    async with echoing(keep_alive=0.3, head_timeout=0.3) as (edge, echo), Raw(edge.port) as raw:
        await raw.say(get(b"/v1/held"))
        assert await raw.is_quiet(0.9)
        echo.go.set()
        assert (await raw.answer()).status == 200


async def test_a_graceful_end_closes_idle_connections_and_lets_calls_end() -> None:
    async with echoing() as (edge, echo), Raw(edge.port) as idle, Raw(edge.port) as busy:
        assert (await idle.ask(get(b"/v1/echo"))).status == 200
        await busy.say(get(b"/v1/held"))
        await until(lambda: "/v1/held" in echo.served)
        edge.stop()
        assert await idle.closed(within=1.0) == b""
        with pytest.raises(ConnectionRefusedError):
            await Raw(edge.port).__aenter__()
        echo.go.set()
        answer = await busy.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await busy.closed() == b""
