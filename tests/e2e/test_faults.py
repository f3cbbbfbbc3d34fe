"""What an upstream can do wrong, what its caller is told, and the row that each leaves."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.e2e import wire
from tests.e2e.conftest import NewHouse
from tests.e2e.house import House, copied
from tests.e2e.upstream import (
    KEY,
    STREAM_HEAD,
    Behaviour,
    Exchange,
    FakeUpstream,
    answers,
    completion,
    delta,
    last_chunk,
    reply,
    says,
    stays_silent,
    streams,
    usage,
)

ERROR = b'{"error":{"message":"Slow down, please.","type":"requests","param":null,"code":"rate_limit_exceeded"}}'
FIRST = b"data: " + delta("Once") + b"\n\n"


@pytest.fixture(scope="module")
def impatient(template: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that waits a second for its upstreams."""
    house = copied(
        template,
        tmp_path_factory.mktemp("impatient") / "house",
        upstream_first_byte_timeout="1",
        upstream_idle_timeout="1",
        max_response_bytes="100000",
    )
    house.start()
    yield house
    house.close()


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


UNFIT: dict[str, tuple[Behaviour, int, str, str]] = {
    # name: (what the upstream does, status, code, part of the sentence)
    "closes": (says(b"", then_close=True), 502, "upstream_error", "without an answer"),
    "garbage": (says(b"hello there\r\n\r\n", then_close=True), 502, "upstream_error", "valid HTTP"),
    "switches": (says(b"HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), 502, "upstream_error", "valid HTTP"),
    "html": (answers(b"<html>Welcome</html>", kind=b"text/html"), 502, "upstream_error", "no answer of"),
    "empty": (answers(b""), 502, "upstream_error", "no answer of"),
    "other-json": (answers(b'{"hello":"there"}'), 502, "upstream_error", "no answer of"),
    "redirect": (
        answers(b"", 307, more=b"location: http://127.0.0.1:1/\r\n"), 502, "upstream_error", "answered 307"),
    "unauthorized": (answers(b'{"error":{"message":"bad key ' + KEY.encode() + b'"}}', 401), 502, "upstream_error", "401"),
    "forbidden": (answers(ERROR, 403), 502, "upstream_error", "answered 403"),
    "too-short": (
        says(reply(completion()).replace(b"content-length: ", b"content-length: 9"), then_close=True),
        502, "upstream_error", "before it was whole"),
    "too-long": (says(reply(completion()) + b"and more"), 502, "upstream_error", "valid HTTP"),
    "two-lengths": (
        answers(completion(), more=b"content-length: 5\r\n"), 502, "upstream_error", "valid HTTP"),
    "length-and-chunks": (
        answers(completion(), more=b"transfer-encoding: chunked\r\n"), 502, "upstream_error", "valid HTTP"),
    "huge-head": (answers(completion(), more=b"x: " + b"x" * 100_000 + b"\r\n"), 502, "upstream_error", "valid HTTP"),
    "huge-body": (answers(completion("x" * 200_000)), 502, "upstream_error", "more than 100,000 bytes"),
    "silent": (stays_silent, 504, "upstream_timeout", "did not begin"),
    "stops": (says(reply(completion())[:-5]), 504, "upstream_timeout", "in the middle"),
}  # fmt: skip


@pytest.mark.parametrize("fault", UNFIT)
def test_unfit_answer_is_a_clear_502_or_504_and_a_row(impatient: House, upstream: FakeUpstream, fault: str) -> None:
    behaviour, status, code, sentence = UNFIT[fault]
    model = upstream.model(behaviour)
    answer = wire.post(impatient, wire.chat(model))
    assert (answer.status, answer.error["code"], answer.error["type"]) == (status, code, "server_error")
    assert sentence in answer.error["message"]
    assert "'fake'" in answer.error["message"]
    assert KEY not in answer.body.decode()
    row = impatient.row(answer.request_id)
    assert (row.outcome, row.status, row.error_code) == ("upstream_failed", status, code)
    assert (row.input_tokens, row.output_tokens) == (0, 0)


@pytest.mark.parametrize(("status", "outcome"), [(429, "rejected"), (500, "upstream_failed"), (503, "upstream_failed")])
def test_upstreams_refusal_keeps_its_status_body_and_retry_after(
    house: House, upstream: FakeUpstream, status: int, outcome: str
) -> None:
    answer = wire.post(house, wire.chat(upstream.model(answers(ERROR, status, more=b"retry-after: 7\r\n"))))
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (status, ERROR, "7")
    row = house.row(answer.request_id)
    assert (row.outcome, row.status, row.error_code, row.output_tokens) == (outcome, status, f"upstream_{status}", 0)


@pytest.mark.parametrize("stream", [True, False])
def test_refusal_without_json_keeps_its_status_with_a_sentence_of_ours(
    house: House, upstream: FakeUpstream, stream: bool
) -> None:
    model = upstream.model(answers(b"<h1>Bad gateway</h1>", 500, kind=b"text/html"))
    answer = wire.post(house, wire.chat(model, stream=stream))
    assert (answer.status, answer.headers["content-type"]) == (500, "application/json")
    assert "answered 500" in answer.error["message"]


def test_upstream_that_is_down_is_a_502(house: House) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        said = house.run("upstreams", "add", "down", "--base-url", f"http://127.0.0.1:{port}", "--models", "down-1")
        assert (said.returncode, "does not list its models now" in said.stderr) == (0, True)
        for stream in (True, False):
            answer = wire.post(house, wire.chat("down-1", stream=stream))
            assert (answer.status, answer.error["code"]) == (502, "upstream_unreachable")
            row = house.row(answer.request_id)
            assert (row.outcome, row.upstream, row.input_tokens) == ("upstream_failed", "down", 0)
    house.do("upstreams", "remove", "down")


async def _stops_midway(exchange: Exchange) -> None:
    await exchange.say(STREAM_HEAD + _chunked(FIRST))
    await exchange.until_gone()


async def _never_ends_an_event(exchange: Exchange) -> None:
    await exchange.say(STREAM_HEAD + _chunked(FIRST) + _chunked(b"data: "))
    for _ in range(9 << 4):
        await exchange.chunk(b"x" * (1 << 16))
        await asyncio.sleep(0)
    await exchange.until_gone()


CUT: dict[str, tuple[Behaviour, str, str]] = {
    "closes": (says(STREAM_HEAD + _chunked(FIRST), then_close=True), "upstream_error", "before it was whole"),
    "garbage": (says(STREAM_HEAD + _chunked(FIRST) + b"zzz\r\n"), "upstream_error", "valid HTTP"),
    "stops": (_stops_midway, "upstream_timeout", "in the middle"),
    "endless-event": (_never_ends_an_event, "upstream_error", "does not end"),
}


@pytest.mark.parametrize("fault", CUT)
def test_stream_that_breaks_off_ends_with_an_error_event_and_a_row(
    impatient: House, upstream: FakeUpstream, fault: str
) -> None:
    behaviour, code, sentence = CUT[fault]
    answer = wire.post(impatient, wire.chat(upstream.model(behaviour), stream=True))
    assert answer.status == 200
    assert answer.body.startswith(FIRST)
    error = wire.error_of_stream(answer.body)
    assert (error["code"], error["type"]) == (code, "server_error")
    assert sentence in error["message"]
    row = impatient.row(answer.request_id)
    assert (row.outcome, row.error_code, row.estimated) == ("upstream_failed", code, 1)
    assert row.input_tokens > 0
    assert row.output_tokens == 1


def test_stream_that_is_closed_without_framing_before_it_is_finished_is_no_whole_answer(
    house: House, upstream: FakeUpstream
) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    cut = wire.post(house, wire.chat(upstream.model(says(head + FIRST, then_close=True)), stream=True))
    assert wire.error_of_stream(cut.body)["code"] == "upstream_error"
    assert house.row(cut.request_id).outcome == "upstream_failed"
    finished = head + FIRST + b"data: " + delta("", "stop") + b"\n\n"
    whole = wire.post(house, wire.chat(upstream.model(says(finished, then_close=True)), stream=True))
    assert b"error" not in whole.body
    assert house.row(whole.request_id).outcome == "completed"


def test_error_event_of_the_upstream_passes_and_is_counted_as_its_failure(house: House, upstream: FakeUpstream) -> None:
    model = upstream.model(streams([delta("Once"), ERROR], done=False))
    answer = wire.post(house, wire.chat(model, stream=True))
    assert wire.error_of_stream(answer.body)["message"] == "Slow down, please."
    row = house.row(answer.request_id)
    assert (row.outcome, row.error_code) == ("upstream_failed", "upstream_error_event")


def test_answer_that_is_no_stream_is_a_502_for_a_stream(house: House, upstream: FakeUpstream) -> None:
    answer = wire.post(house, wire.chat(upstream.model(answers(completion())), stream=True))
    assert (answer.status, answer.error["code"]) == (502, "upstream_error")
    assert house.row(answer.request_id).outcome == "upstream_failed"


def test_odd_but_whole_streams_pass(house: House, upstream: FakeUpstream) -> None:
    """Comments, CRLF, one byte at a time, an upstream that stays open after `[DONE]`."""
    events = b": hello\r\n\r\n" + b"".join(
        b"data: " + data + b"\r\n\r\n" for data in (delta("a"), delta("b", "stop"), last_chunk(usage(3, 2)), b"[DONE]")
    )

    async def dribble(exchange: Exchange) -> None:
        await exchange.say(STREAM_HEAD)
        for byte in events:
            await exchange.chunk(bytes([byte]))
        await exchange.until_gone()

    model = upstream.model(dribble)
    answer = wire.post(house, wire.chat(model, stream=True, stream_options={"include_usage": True}))
    assert answer.body == events
    row = house.row(answer.request_id)
    assert (row.outcome, row.input_tokens, row.output_tokens, row.estimated) == ("completed", 3, 2, 0)


def test_slow_upstream_within_its_time_is_waited_for(impatient: House, upstream: FakeUpstream) -> None:
    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.5)
        await exchange.say(reply(completion("ok", usage(1, 1))))

    began = time.monotonic()
    answer = wire.post(impatient, wire.chat(upstream.model(slow)))
    assert answer.status == 200
    assert time.monotonic() - began >= 0.5
    row = impatient.row(answer.request_id)
    assert row.first_byte_us is not None
    assert 500_000 <= row.first_byte_us <= row.total_us


def test_full_pool_is_waited_for_and_then_said(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house(upstream_connections="1", upstream_pool_timeout="0.5")
    house.start()
    waiting = upstream.model(stays_silent)
    connection = wire.connect(house)
    wire.send(connection, house, wire.chat(waiting))
    while not upstream.requests(waiting):
        time.sleep(0.01)
    answer = wire.post(house, wire.chat(upstream.model(answers(completion()))))
    assert answer.status == 502
    assert "no free connection" in answer.error["message"]
    connection.close()
    assert json.loads(answer.body)["error"]["param"] is None
