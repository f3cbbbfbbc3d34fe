"""Reports of a running house: through the SDK and on the command line, a second after the call at the latest."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from openai import PermissionDeniedError

from tests.e2e import wire
from tests.e2e.conftest import NewHouse
from tests.e2e.house import House, until
from tests.e2e.upstream import FakeUpstream, answers, completion, delta, stays_silent, streams_on, usage

PROMISED = 1.0


def _report(house: House, what: str, **query: Any) -> list[Any]:
    """Every result of a report since two minutes ago, through the SDK."""
    report = getattr(house.client().admin.organization.usage, what)
    width = "1d" if what == "costs" else "1m"
    page = report(start_time=int(time.time()) - 120, bucket_width=width, **query)
    return [result for bucket in page.data for result in bucket.results]


def _of_model(house: House, model: str) -> Any:
    results = _report(house, "completions", group_by=["model"], models=[model])
    return results[0] if results else None


def test_call_is_in_the_reports_within_a_second(house: House, upstream: FakeUpstream) -> None:
    delays = []
    for _ in range(3):
        model = upstream.model(answers(completion("Hi", usage(20, 10, prompt_tokens_details={"cached_tokens": 5}))))
        model_answered = "fake-answered"
        key = house.new_key()
        assert wire.post(house, wire.chat(model), key=key["value"]).status == 200
        answered = time.monotonic()
        query: dict[str, Any] = {"group_by": ["model", "api_key_id"], "api_key_ids": [key["id"]]}
        (result,) = until(partial(_report, house, "completions", **query), 10)
        delays.append(time.monotonic() - answered)
        assert (result.num_model_requests, result.input_tokens, result.output_tokens) == (1, 20, 10)
        assert (result.input_cached_tokens, result.model, result.api_key_id) == (5, model_answered, key["id"])
    assert min(delays) < PROMISED


def test_aborted_calls_count_as_requests(house: House, upstream: FakeUpstream) -> None:
    key = house.new_key()
    for model in (upstream.model(stays_silent), upstream.model(streams_on([delta("Once ")]))):
        connection = wire.connect(house)
        wire.send(connection, house, wire.chat(model, stream=True), key=key["value"])
        until(partial(upstream.requests, model), 10)
        connection.close()

    def requests() -> int:
        return sum(r.num_model_requests for r in _report(house, "completions", api_key_ids=[key["id"]]))

    until(lambda: requests() == 2, 10)


def test_interrupted_calls_count_as_requests_and_cost(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house()
    model = upstream.model(streams_on([delta("Once upon a time ")], pause=0.01))
    house.do("prices", "set", model, "--input", "1", "--output", "1")
    house.start()
    with wire.opened(house, wire.chat(model, stream=True)) as response:
        seen = b""
        while seen.count(b"word") < 20:
            seen += response.read1()
        house.kill()
    house.start()
    result = until(lambda: _of_model(house, model), 10)
    assert (result.num_model_requests, result.input_tokens > 0, result.output_tokens >= 20) == (1, True, True)
    assert sum(cost.amount.value for cost in _report(house, "costs")) > 0


def test_command_line_and_sdk_tell_the_same(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house()
    house.start()
    chat = upstream.model(answers(completion("Hi", usage(1000, 500))))
    vectors = {
        "object": "list",
        "model": "fake-vectors",
        "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}],
    }
    embedding = upstream.model(
        answers(json.dumps(vectors | {"usage": {"prompt_tokens": 70, "total_tokens": 70}}).encode())
    )
    house.do("prices", "set", chat, "--input", "2", "--output", "8")
    house.do("prices", "set", embedding, "--input", "0.1", "--output", "0")
    for _ in range(4):
        assert wire.post(house, wire.chat(chat)).status == 200
    assert wire.post(house, {"model": embedding, "input": "Hi"}, path="/v1/embeddings").status == 200

    until(lambda: _report(house, "embeddings"), 10)
    until(lambda: sum(r.num_model_requests for r in _report(house, "completions")) == 4, 10)
    told = house.do_json("usage", "--since", "1h", "--bucket", "1d")
    results = [result for bucket in told["data"] for result in bucket["results"]]
    assert sorted((r["object"], r["input_tokens"], r["num_model_requests"]) for r in results) == [
        ("organization.usage.completions.result", 4000, 4),
        ("organization.usage.embeddings.result", 70, 1),
    ]
    costs = house.do_json("costs", "--since", "1d")
    amounts = [Decimal(str(r["amount"]["value"])) for bucket in costs["data"] for r in bucket["results"]]
    over_http = [Decimal(str(r.amount.value)) for r in _report(house, "costs")]
    assert sum(amounts) == sum(over_http) == Decimal("0.024007")  # 4 × (1000 × 2 + 500 × 8) + 70 × 0.1, per million
    assert "4000" in house.do("usage", "--since", "1h").replace(",", "")


@pytest.mark.parametrize("what", ["completions", "embeddings", "costs"])
def test_project_key_reads_no_report(house: House, what: str) -> None:
    client = house.client()
    client.admin_api_key = house.facts["api_key"]
    with pytest.raises(PermissionDeniedError, match="admin key"):
        getattr(client.admin.organization.usage, what)(start_time=1)
