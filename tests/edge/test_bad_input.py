"""Whatever is sent to a real gateway is answered within a second with a 4xx and a sentence, and the process lives."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from keyhouse.domain import keyformat
from keyhouse.domain.keyformat import SecretKind
from keyhouse.ledger.rollup import catch_up
from keyhouse.settings import Settings
from tests.edge.raw import Answer, Raw, chunked, get, post
from tests.houses import RunningHouse, running_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
GIGABYTE = 1 << 30
MODEL = b'{"model":"gpt-4o",'
CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
DEEP = 1_000_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningHouse]:
    """As installed, but for a head's deadline."""
    async with running_house(tmp_path_factory.mktemp("house"), head_timeout=0.6) as house:
        yield house


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def lives(house: RunningHouse) -> AsyncIterator[None]:
    """After each test the gateway still serves the next one."""
    yield
    async with Raw(house.port) as raw:
        assert (await raw.ask(get(b"/healthz"))).body == b'{"status":"ok"}'
        assert (await raw.ask(get(b"/v1/models", house.bearer.strip()))).status == 200


async def at_once(house: RunningHouse, request: bytes, within: float = 1.0) -> Answer:
    """The answer to a request, which must be a refusal in OpenAI's shape and come in time.

    A machine that others use may stand still for a moment, so that one of three answers must have come in time.
    """
    took: list[float] = []
    while not took or (took[-1] >= within and len(took) < 3):
        began = time.monotonic()
        async with Raw(house.port) as raw:
            answer = await raw.ask(request)
        took.append(time.monotonic() - began)
    assert min(took) < within, took
    assert 400 <= answer.status < 500
    assert answer.error["message"]
    return answer


def bodies() -> dict[str, tuple[bytes, str]]:
    return {
        "0 bytes": (b"", "body_required"),
        "blanks": (b" " * 100_000, "invalid_json"),
        "arrays a million deep": (b"[" * DEEP, "invalid_value"),
        "a member a million arrays deep": (MODEL + b'"x":' + b"[" * DEEP + b"]" * DEEP + b"}", "invalid_json"),
        "a member a million objects deep": (MODEL + b'"x":' + b'{"a":' * DEEP, "invalid_json"),
        "deep, and looked at closely": (MODEL + b'"x":{"model":1},"y":' + b"[" * DEEP, "invalid_json"),
        "invalid UTF-8": (MODEL + b'"messages":"\xff\xfe"}', "invalid_json"),
        "UTF-16": ('{"model":"gpt-4o"}'.encode("utf-16"), "invalid_json"),
        "a byte order mark": (b'\xef\xbb\xbf{"model":"gpt-4o"}', "invalid_json"),
        "zeros": (bytes(1000), "invalid_json"),
        "a form": (b"model=gpt-4o&messages=hi", "invalid_json"),
        "a name of ten megabytes": (b'{"' + b"n" * 10_000_000 + b'":1}', "invalid_value"),
        "a model of ten megabytes": (b'{"model":"' + b"m" * 10_000_000 + b'"}', "invalid_value"),
        "a number of a million digits": (b'{"model":"gpt-4o","n":' + b"1" * 1_000_000 + b"}", "invalid_value"),
        "a million members": (b'{"model":"gpt-4o"' + b',"a":1' * 1_000_000 + b"}", "model_not_found"),
        "a million models": (b'{"model":"gpt-4o"' + b',"model":"b"' * 1_000_000 + b"}", "duplicate_field"),
        "a million members, looked at closely": (MODEL + b'"x":{"n":1,"N":2}' + b',"a":1' * 1_000_000 + b"}", "invalid_value"),
        "a million models further down": (MODEL + b'"x":[' + b'{"model":"b"},' * 500_000 + b"1]}", "model_not_found"),
    }  # fmt: skip


@pytest.mark.parametrize("what", bodies())
async def test_a_bad_body_is_refused_at_once(house: RunningHouse, what: str) -> None:
    body, code = bodies()[what]
    answer = await at_once(house, post(body, house.bearer.strip()))
    assert answer.code == code
    assert len(answer.body) < 1000


def heads(key: bytes) -> dict[str, tuple[bytes, int]]:
    bearer = b"authorization: Bearer " + key + b"\r\n"
    last = b"0" if key[-1:] != b"0" else b"1"
    return {
        "20,000 headers": (CHAT + bearer + b"".join(b"x-%d: y\r\n" % n for n in range(20_000)) + b"\r\n", 431),
        "20,000 headers on the other way": (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 20_000 + b"\r\n", 431),
        "two Host headers": (CHAT + bearer + b"host: y\r\ncontent-length: 0\r\n\r\n", 400),
        "no Host header": (b"GET /v1/models HTTP/1.1\r\n" + bearer + b"\r\n", 400),
        "length with coding": (CHAT + bearer + b"content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"{}"), 400),
        "coding with length": (CHAT + bearer + b"transfer-encoding: chunked\r\ncontent-length: 9\r\n\r\n" + chunked(b"{}"), 400),
        "two lengths": (CHAT + bearer + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{} ", 400),
        "coded in gzip": (CHAT + bearer + b"transfer-encoding: gzip\r\n\r\n", 400),
        "wanted in gzip": (CHAT + bearer + b"te: gzip\r\ncontent-length: 0\r\n\r\n", 400),
        "compressed": (CHAT + bearer + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00", 400),
        "a key of one megabyte": (CHAT + b"authorization: Bearer " + b"k" * 1_000_000 + b"\r\n\r\n", 431),
        "a key right in all but its last character": (CHAT + bearer[:-3] + last + b"\r\ncontent-length: 0\r\n\r\n", 401),
        "another expectation": (CHAT + bearer + b"expect: tea\r\n\r\n", 417),
        "an upgrade": (b"GET /v1/x HTTP/1.1\r\nhost: x\r\n" + bearer + b"connection: upgrade\r\nupgrade: websocket\r\n\r\n", 404),
        "a websocket elsewhere": (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", 404),
        "bare LF": (b"GET /v1/models HTTP/1.1\nhost: x\n\n", 400),
        "nonsense": (b"\x00\x01\x02\r\n\r\n", 400),
    }  # fmt: skip


@pytest.mark.parametrize("what", heads(b"k"))
async def test_a_bad_head_is_refused_at_once(house: RunningHouse, what: str) -> None:
    request, status = heads(house.facts.api_key.encode())[what]
    assert (await at_once(house, request)).status == status


async def test_head_and_http_1_0_are_answered(house: RunningHouse) -> None:
    async with Raw(house.port) as raw:
        answer = await raw.ask(get(b"/v1/models", house.bearer.strip()).replace(b"GET", b"HEAD"), head_only=True)
        assert (answer.status, answer.headers["allow"]) == (405, "GET")
        old = b"GET /v1/models HTTP/1.0\r\n" + house.bearer + b"\r\n"
        assert (await raw.ask(old)).headers["connection"] == "close"


def gigabyte(coding: str) -> Iterator[bytes]:
    piece = b"x" * (1 << 20)
    whole = piece if coding == "length" else b"100000\r\n" + piece + b"\r\n"
    return (whole for _ in range(GIGABYTE >> 20))


@pytest.mark.parametrize("known", [True, False], ids=["with a key", "without a key"])
@pytest.mark.parametrize("coding", ["length", "chunked"])
async def test_a_body_of_a_gigabyte_is_refused_at_once_and_not_kept(
    house: RunningHouse, coding: str, known: bool
) -> None:
    framing = b"content-length: %d\r\n" % GIGABYTE if coding == "length" else b"transfer-encoding: chunked\r\n"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with Raw(house.port) as raw:
        began = time.monotonic()
        await raw.say(CHAT + framing + (house.bearer if known else b"") + b"\r\n")
        pouring = asyncio.create_task(raw.pour(gigabyte(coding)))
        answer = await raw.answer()
        assert time.monotonic() - began < 1
        assert (answer.status, answer.code) == ((413, "body_too_large") if known else (401, "invalid_api_key"))
        pouring.cancel()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10, "kilobytes: the limit is 64 MiB"


async def test_who_pours_on_after_the_refusal_is_cut(house: RunningHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyhouse.edge.http1.LINGER", 0.3)
    async with Raw(house.port) as raw:
        await raw.say(CHAT + b"content-length: %d\r\n\r\n" % (GIGABYTE << 10))
        began = time.monotonic()
        await raw.pour(b"x" * (1 << 16) for _ in range(1 << 24))
        assert 0.2 < time.monotonic() - began < 2


async def test_a_head_that_never_ends_is_cut(house: RunningHouse) -> None:
    assert Settings().head_timeout == 10.0
    async with Raw(house.port) as raw:
        began = time.monotonic()
        await raw.say(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n" + house.bearer)
        answer = await raw.answer()
        assert 0.5 < time.monotonic() - began < 1.6
        assert (answer.status, answer.code) == (408, "head_too_slow")


async def test_a_body_that_never_ends_is_cut_and_logged(house: RunningHouse) -> None:
    async with Raw(house.port) as raw:
        await raw.say(CHAT + house.bearer + b'content-length: 1000\r\n\r\n{"model":')
        answer = await raw.answer()
    assert (answer.status, answer.code) == (408, "body_too_slow")
    assert answer.headers["x-request-id"] in {entry.request_id for entry in house.refused()}


async def test_a_client_that_leaves_with_half_a_body_leaves_a_refusal_and_no_row(house: RunningHouse) -> None:
    async with Raw(house.port) as raw:
        await raw.say(CHAT + house.bearer + b'content-length: 1000\r\n\r\n{"model":')
        await asyncio.sleep(0.05)
    assert not [row for row in house.rows() if row.operation == "chat.completions"]


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


async def test_a_flood_of_wrong_keys_writes_nothing_to_disk(house: RunningHouse) -> None:
    good = house.facts.api_key
    unknown = [keyformat.mint(kind).value for kind in SecretKind for _ in range(50)]
    wrong = [good[:-1] + ("0" if good[-1] != "0" else "1"), "hunter2", "sk-kh_", "k" * 10_000, *unknown]
    await asyncio.sleep(0.6)  # for what the tests before left to write
    house.refused()
    await asyncio.to_thread(
        catch_up, house.opened.store
    )  # a roll-up that is due later would write while the flood comes
    await asyncio.sleep(0.6)
    before, rows, log = snapshot(house.data), len(house.rows()), house.refused()
    flood = [post(b"{}", b"authorization: Bearer " + value.encode()) for value in wrong]
    flood += [
        get(b"/v1/models"),
        get(b"/v1/nowhere"),
        get(b"/v1/models", b"authorization: Basic eA=="),
        b"nonsense\r\n\r\n",
    ]
    statuses = set()
    for request in flood * 5:
        statuses.add((await at_once(house, request)).status)
    assert statuses == {400, 401}
    await asyncio.sleep(1.2)  # a flush of the log of refusals and a roll-up would have come
    assert (len(house.rows()), house.refused()) == (rows, log)
    assert snapshot(house.data) == before
