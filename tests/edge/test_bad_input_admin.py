"""The administration API behind the same edge: whatever is sent is answered at once with a 4xx and a sentence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.edge.raw import Answer, Raw, chunked, get, post
from tests.houses import RunningHouse, running_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
PROJECTS = b"/v1/organization/projects"
HEAD = b"POST " + PROJECTS + b" HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
DEEP = 1_000_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningHouse]:
    async with running_house(tmp_path_factory.mktemp("house"), head_timeout=0.5) as house:
        yield house


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def lives(house: RunningHouse) -> AsyncIterator[None]:
    """After each test the gateway still serves the next one."""
    yield
    async with Raw(house.port) as raw:
        assert (await raw.ask(get(PROJECTS, admin(house)))).status == 200


def admin(house: RunningHouse) -> bytes:
    return b"authorization: Bearer " + house.facts.admin_key.encode()


async def at_once(house: RunningHouse, request: bytes) -> Answer:
    began = time.monotonic()
    async with Raw(house.port) as raw:
        answer = await raw.ask(request)
    assert time.monotonic() - began < 1
    assert 400 <= answer.status < 500
    assert answer.error["message"]
    return answer


BODIES = {
    "0 bytes": b"",
    "a list": b"[]",
    "null": b"null",
    "arrays a million deep": b"[" * DEEP,
    "a name a million arrays deep": b'{"name":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "objects a million deep": b'{"name":' * DEEP,
    "invalid UTF-8": b'{"name":"\xff"}',
    "UTF-16": '{"name":"x"}'.encode("utf-16"),
    "a lone surrogate": b'{"name":"\\ud800"}',
    "a NUL": b'{"name":"\\u0000"}',
    "zeros": bytes(1000),
    "a name of ten megabytes": b'{"name":"' + b"n" * 10_000_000 + b'"}',
    "a number of a million digits": b'{"name":' + b"1" * 1_000_000 + b"}",
    "a million unknown members": b'{"a":1' + b',"a":1' * 1_000_000 + b"}",
}


@pytest.mark.parametrize("what", BODIES)
async def test_a_bad_body_is_refused_at_once(house: RunningHouse, what: str) -> None:
    answer = await at_once(house, post(BODIES[what], admin(house), b"content-type: application/json", path=PROJECTS))
    assert answer.status in {400, 413}
    assert len(answer.body) < 1000


@pytest.mark.parametrize("path", [
    PROJECTS + b"?limit=x", PROJECTS + b"?limit=" + b"9" * 5000, PROJECTS + b"?limit=1&limit=2", PROJECTS + b"?after=%ff",
    PROJECTS + b"?%00=%00", PROJECTS + b"?unknown=1", PROJECTS + b"?limit=%31%30%", PROJECTS + b"/" + b"x" * 10_000,
    PROJECTS + b"/%ff", PROJECTS + b"/../../x", PROJECTS + b"/x/api_keys/%00", b"/v1/organization/usage/completions",
    b"/v1/organization/usage/completions?start_time=1e400", b"/v1/organization/costs?start_time=-99999999999999999999",
    b"/v1/organizationx", b"/v1/organization/", b"/v1/organization", b"/v1/projects/x", PROJECTS + b"//", PROJECTS + b";x",
])  # fmt: skip
async def test_a_bad_path_or_query_is_refused_at_once(house: RunningHouse, path: bytes) -> None:
    answer = await at_once(house, get(path, admin(house)))
    assert answer.status in {400, 404}
    assert len(answer.body) < 1000


@pytest.mark.parametrize("method", [b"PUT", b"PATCH", b"TRACE", b"OPTIONS", b"LOCK"])
async def test_a_wrong_method_is_refused_at_once(house: RunningHouse, method: bytes) -> None:
    assert (await at_once(house, get(PROJECTS, admin(house)).replace(b"GET", method))).status == 405


@pytest.mark.parametrize("known", [True, False], ids=["with a key", "without a key"])
@pytest.mark.parametrize("coding", ["length", "chunked"])
async def test_a_body_of_a_gigabyte_is_refused_at_once(house: RunningHouse, coding: str, known: bool) -> None:
    framing = b"content-length: %d\r\n" % (1 << 30) if coding == "length" else b"transfer-encoding: chunked\r\n"
    piece = b"x" * (1 << 20) if coding == "length" else b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
    async with Raw(house.port) as raw:
        began = time.monotonic()
        await raw.say(HEAD + framing + (admin(house) + b"\r\n" if known else b"") + b"\r\n")
        pouring = asyncio.create_task(raw.pour([piece] * (1 << 10)))
        answer = await raw.answer()
        assert time.monotonic() - began < 1
        assert answer.status == (413 if known else 401)
        assert answer.error["message"]
        pouring.cancel()


async def test_a_body_without_a_key_is_not_waited_for(house: RunningHouse) -> None:
    async with Raw(house.port) as raw:
        answer = await raw.ask(HEAD + b"content-length: 100\r\n\r\n{")
        assert (answer.status, answer.headers["connection"]) == (401, "close")


async def test_a_body_that_never_ends_is_cut(house: RunningHouse) -> None:
    for framing in (b"content-length: 100\r\n\r\n{", b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"):
        async with Raw(house.port) as raw:
            answer = await raw.ask(HEAD + admin(house) + b"\r\n" + framing)
            assert (answer.status, answer.code) == (408, "body_too_slow")


async def test_broken_framing_is_refused(house: RunningHouse) -> None:
    async with Raw(house.port) as raw:
        answer = await raw.ask(HEAD + admin(house) + b"\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n")
        assert (answer.status, answer.code) == (400, "headers_invalid")


async def test_good_requests_are_pipelined_and_chunked_and_kept_alive(house: RunningHouse) -> None:
    body = chunked(b'{"name":', b'"Pipelined"}')
    async with Raw(house.port) as raw:
        request = HEAD + admin(house) + b"\r\ntransfer-encoding: chunked\r\n\r\n" + body
        await raw.say(request + get(PROJECTS, admin(house)) + get(b"/v1/models", house.bearer.strip()) + request)
        answers = [await raw.answer() for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 200]
        assert b"Pipelined" in answers[1].body
