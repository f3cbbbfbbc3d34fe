"""Clients that go away: the upstream is let go within a second, and the call is in the ledger as aborted."""

from __future__ import annotations

import time

import pytest

from tests.e2e import wire
from tests.e2e.house import House, until
from tests.e2e.upstream import FakeUpstream, Request, delta, last_chunk, stays_silent, streams_on, usage

PROMISED = 1.0


@pytest.mark.parametrize("stream", [True, False])
def test_client_that_goes_before_the_first_byte_stops_the_upstream(
    house: House, upstream: FakeUpstream, stream: bool
) -> None:
    model = upstream.model(stays_silent)
    connection = wire.connect(house)
    wire.send(connection, house, wire.chat(model, "Tell me a story.", stream=stream))
    until(lambda: upstream.requests(model), 10)
    left = time.monotonic()
    connection.close()
    assert _gone_at(upstream.request(model)) - left < PROMISED
    (row,) = house.rows_of_model(model, 10)
    assert (row.outcome, row.status, row.streamed, row.output_tokens) == ("aborted", 499, stream, 0)
    assert row.input_tokens > 0
    assert row.estimated


def test_client_that_goes_in_the_middle_stops_the_upstream(house: House, upstream: FakeUpstream) -> None:
    model = upstream.model(streams_on([delta("Once "), delta("upon ")]))
    with wire.opened(house, wire.chat(model, stream=True)) as response:
        request_id = wire.request_id(response)
        seen = b""
        while seen.count(b"data: ") < 5:
            seen += response.read1()
        left = time.monotonic()
    assert _gone_at(upstream.request(model)) - left < PROMISED
    row = house.row(request_id, 10)
    assert (row.outcome, row.status, row.estimated, row.model_answered) == ("aborted", 499, 1, "fake-answered")
    assert row.output_tokens >= 5


def test_usage_reported_before_the_client_went_is_believed(house: House, upstream: FakeUpstream) -> None:
    model = upstream.model(streams_on([delta("Once "), last_chunk(usage(11, 7))], pause=0.02))
    with wire.opened(house, wire.chat(model, stream=True, stream_options={"include_usage": True})) as response:
        seen = b""
        while b'"usage"' not in seen:
            seen += response.read1()
        request_id = wire.request_id(response)
    row = house.row(request_id, 10)
    assert (row.outcome, row.input_tokens, row.output_tokens, row.estimated) == ("aborted", 11, 7, 0)


def test_client_that_stops_reading_holds_the_upstream_back_and_costs_no_memory(
    house: House, upstream: FakeUpstream
) -> None:
    assert house.process is not None
    model = upstream.model(streams_on([delta("x" * 60_000)] * 2000))
    before = _resident(house.process.pid)
    with wire.opened(house, wire.chat(model, stream=True)) as response:
        response.read1()
        time.sleep(1)
        grown = _resident(house.process.pid) - before
    assert grown < 30 << 20
    assert house.rows_of_model(model, 10)[0].outcome == "aborted"


def _gone_at(request: Request) -> float:
    gone_at: float = until(lambda: request.gone_at, 10)
    return gone_at


def _resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096
