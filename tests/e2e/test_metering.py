"""What is in the ledger for what an upstream reported, or did not."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.e2e import wire
from tests.e2e.house import House
from tests.e2e.upstream import FakeUpstream, answers, completion, delta, last_chunk, streams, usage

DETAILED = usage(
    1000,
    500,
    prompt_tokens_details={"cached_tokens": 600, "audio_tokens": 100},
    completion_tokens_details={"reasoning_tokens": 300, "audio_tokens": 50},
)


@pytest.mark.parametrize("stream", [True, False])
def test_every_kind_of_token_that_is_reported_is_kept(house: House, upstream: FakeUpstream, stream: bool) -> None:
    behaviour = streams([delta("Hi"), last_chunk(DETAILED)]) if stream else answers(completion("Hi", DETAILED))
    row = _row_of(house, wire.chat(upstream.model(behaviour), stream=stream))
    assert (row.input_tokens, row.cached_tokens, row.input_audio_tokens) == (1000, 600, 100)
    assert (row.output_tokens, row.reasoning_tokens, row.output_audio_tokens) == (500, 300, 50)
    assert row.estimated == 0


@pytest.mark.parametrize("tokens", [None, {}, {"prompt_tokens": None, "completion_tokens": None}], ids=str)
@pytest.mark.parametrize("stream", [True, False])
def test_unreported_usage_is_counted_with_a_tokenizer_and_marked(
    house: House, upstream: FakeUpstream, stream: bool, tokens: object
) -> None:
    text = "The quick brown fox jumps over the lazy dog."  # ten tokens in OpenAI's vocabularies
    behaviour = answers(completion(text, tokens))
    if stream:
        behaviour = streams(
            [delta(word) for word in _split(text)] + ([last_chunk(tokens)] if tokens is not None else [])
        )
    row = _row_of(house, wire.chat(upstream.model(behaviour), text, stream=stream))
    assert (row.estimated, row.output_tokens) == (1, 10)
    assert 10 < row.input_tokens < 25  # the text and what frames a message


def told(chunk: bytes, tokens: object) -> bytes:
    """A chunk that reports usage beside its content."""
    return chunk[:-1] + b',"usage":' + json.dumps(tokens).encode() + b"}"


REPORTS: dict[str, tuple[list[bytes], tuple[int, int, int]]] = {
    # a name, what is streamed, and what the row then says: input, output, estimated
    "last-chunk": ([delta("a"), delta("b"), last_chunk(usage(8, 2))], (8, 2, 0)),
    "every-chunk": ([told(delta("a"), usage(8, 1)), told(delta("b"), usage(8, 2))], (8, 2, 0)),
    "twice": ([delta("a"), last_chunk(usage(8, 1)), last_chunk(usage(8, 3))], (8, 3, 0)),
    "null-then-told": ([told(delta("a"), None), last_chunk(usage(8, 1))], (8, 1, 0)),
    "with-the-finish": ([delta("a"), told(delta("", "stop"), usage(8, 1))], (8, 1, 0)),
}


@pytest.mark.parametrize("case", REPORTS)
def test_usage_is_believed_wherever_a_stream_reports_it(house: House, upstream: FakeUpstream, case: str) -> None:
    events, expected = REPORTS[case]
    row = _row_of(house, wire.chat(upstream.model(streams(events)), stream=True))
    assert (row.input_tokens, row.output_tokens, row.estimated) == expected


def test_usage_that_nobody_asked_for_is_taken_out_again(house: House, upstream: FakeUpstream) -> None:
    chunk = told(delta("a"), None)
    model = upstream.model(streams([chunk, last_chunk(usage(8, 1))]))
    plain = wire.post(house, wire.chat(model, stream=True)).body
    assert wire.payloads(plain) == [delta("a"), b"[DONE]"]
    asked = wire.post(house, wire.chat(model, stream=True, stream_options={"include_usage": True})).body
    assert wire.payloads(asked) == [chunk, last_chunk(usage(8, 1)), b"[DONE]"]


ABSURD: dict[str, object] = {
    "negative": usage(-5, 3),
    "beyond-64-bits": usage(2**70, 3),
    "beyond-belief": usage(2**62, 3),
    "text": {"prompt_tokens": "many", "completion_tokens": "few"},
    "fraction": {"prompt_tokens": 1.5, "completion_tokens": 2.5},
    "list": [1, 2],
}


@pytest.mark.parametrize("case", ABSURD)
@pytest.mark.parametrize("stream", [True, False])
def test_absurd_usage_is_not_believed_and_harms_nothing(
    house: House, upstream: FakeUpstream, stream: bool, case: str
) -> None:
    tokens = ABSURD[case]
    behaviour = streams([delta("Hi"), last_chunk(tokens)]) if stream else answers(completion("Hi", tokens))
    row = _row_of(house, wire.chat(upstream.model(behaviour), stream=stream))
    assert (row.outcome, row.estimated, row.output_tokens) == ("completed", 1, 1)
    assert 0 < row.input_tokens < 20


def test_parts_larger_than_their_whole_are_cut_to_it(house: House, upstream: FakeUpstream) -> None:
    tokens = usage(
        10, 5, prompt_tokens_details={"cached_tokens": 99}, completion_tokens_details={"reasoning_tokens": -1}
    )
    row = _row_of(house, wire.chat(upstream.model(answers(completion("Hi", tokens)))))
    assert (row.input_tokens, row.cached_tokens, row.output_tokens, row.reasoning_tokens) == (10, 10, 5, 0)


def test_price_is_in_force_at_once_and_unpriced_is_not_zero(house: House, upstream: FakeUpstream) -> None:
    model = upstream.model(answers(completion("Hi", usage(1000, 500, prompt_tokens_details={"cached_tokens": 600}))))
    body = wire.chat(model)
    row = _row_of(house, body)
    assert (row.pricing, row.cost_nanos, row.price_id) == ("unpriced", None, None)

    house.do("prices", "set", model, "--input", "2.5", "--output", "10", "--cached-input", "1.25")
    row = _row_of(house, body)
    assert (row.pricing, row.cost_input_nanos, row.cost_cached_nanos) == ("priced", 1_000_000, 750_000)
    assert (row.cost_output_nanos, row.cost_nanos) == (5_000_000, 6_750_000)

    versions = house.do_json("prices", "set", model, "--input", "0.001", "--output", "0")
    row = _row_of(house, body)
    assert (row.cost_nanos, row.price_id) == (1_000, versions[0]["id"])


def test_price_is_that_of_the_calls_admission(house: House, upstream: FakeUpstream) -> None:
    words = [delta("word ") for _ in range(15)]
    model = upstream.model(streams([*words, last_chunk(usage(0, 1_000_000))], pause=0.1))
    house.do("prices", "set", model, "--input", "1", "--output", "1")
    with wire.opened(house, wire.chat(model, stream=True)) as response:
        response.read1()
        house.do("prices", "set", model, "--input", "7", "--output", "7")
        response.read()
    assert [row.cost_nanos for row in house.rows_of_model(model)] == [1_000_000_000]


def test_model_that_answered_prices_what_was_asked_by_another_name(house: House, upstream: FakeUpstream) -> None:
    model = upstream.model(answers(completion("Hi", usage(1_000_000, 0), model="gpt-4o-mini-2024-07-18")))
    row = _row_of(house, wire.chat(model))
    assert (row.model_asked, row.model_answered) == (model, "gpt-4o-mini-2024-07-18")
    assert (row.pricing, row.cost_nanos) == ("priced", 150_000_000)


def test_clients_request_id_is_kept_beside_ours_and_never_dedupes(house: House, upstream: FakeUpstream) -> None:
    model = upstream.model(answers(completion("Hi", usage(1, 1))))
    sent = {"x-client-request-id": "mine-1"}
    answered = [wire.post(house, wire.chat(model), headers=sent) for _ in range(3)]
    rows = house.rows_of_model(model)
    assert [row.client_request_id for row in rows] == ["mine-1"] * 3
    assert [row.request_id for row in rows] == [answer.request_id for answer in answered]
    assert [row.request_id for row in rows] == sorted({row.request_id for row in rows})
    assert len(upstream.requests(model)) == 3


def test_row_says_who_what_and_how_long(house: House, upstream: FakeUpstream) -> None:
    key = house.new_key("who")
    model = upstream.model(answers(completion("Hi", usage(1, 1))[:-1] + b',"service_tier":"flex"}'))
    began = time.time_ns() // 1000
    answer = wire.post(house, wire.chat(model), key=key["value"])
    ended = time.time_ns() // 1000
    row = house.row(answer.request_id)
    assert (row.organization_id, row.project_id) == (house.facts["organization_id"], house.facts["project_id"])
    assert (row.key_id, row.operation, row.service_tier, row.service_account_id) == (
        key["id"], "chat.completions", "flex", None,
    )  # fmt: skip
    assert row.user_id == key["owner"]["user"]["id"]
    assert began <= row.admitted_at_us <= ended
    assert row.first_byte_us is not None
    assert 0 <= row.queue_us <= row.first_byte_us <= row.total_us <= ended - began


def _row_of(house: House, body: dict[str, Any]) -> Any:
    answer = wire.post(house, body)
    assert answer.status == 200, answer.body
    return house.row(answer.request_id)


def _split(text: str) -> list[str]:
    return [text[start : start + 5] for start in range(0, len(text), 5)]
