"""What an upstream's answer says was used: read, believed as far as it can be, and told apart from nothing said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.usage import TokenUsage
from keyhouse.ledger.meter import is_json_object, read_counts, texts_in, tokens_of

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
NAMES = [
    "usage",
    "choices",
    "data",
    "delta",
    "message",
    "content",
    "tool_calls",
    "prompt_tokens",
    "completion_tokens",
    "text",
]
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=15,
)


def tokens(usage: object) -> TokenUsage | None:
    counted = read_counts(json.dumps({"usage": usage}).encode())
    assert counted is not None
    return tokens_of(counted)


def test_every_unit_that_openai_reports_is_read() -> None:
    used = tokens(
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 40, "audio_tokens": 10, "cache_write_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 7, "accepted_prediction_tokens": 3},
        }
    )
    assert used == TokenUsage(100, 40, 5, 50, 30, 10, 7)


@pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None}])
def test_details_that_are_absent_or_null_are_nothing(details: object) -> None:
    used = tokens(
        {
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "prompt_tokens_details": details,
            "completion_tokens_details": details,
        }
    )
    assert used == TokenUsage(input_tokens=3, output_tokens=2)


def test_an_embeddings_usage_has_no_output() -> None:
    assert tokens({"prompt_tokens": 8, "total_tokens": 8}) == TokenUsage(input_tokens=8)
    assert tokens({"total_tokens": 8}) == TokenUsage(input_tokens=8)
    assert tokens({"total_tokens": 8, "completion_tokens": 3}) == TokenUsage(input_tokens=5, output_tokens=3)


def test_nothing_used_is_not_nothing_said() -> None:
    assert tokens({"prompt_tokens": 0, "completion_tokens": 0}) == TokenUsage()


def test_reasoning_beside_the_completion_is_counted_into_it_and_within_it_is_not() -> None:
    beside = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 35,
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    within = {
        "prompt_tokens": 10,
        "completion_tokens": 25,
        "total_tokens": 35,
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    assert tokens(beside) == tokens(within) == TokenUsage(input_tokens=10, output_tokens=25, reasoning_tokens=20)


def test_negative_reasoning_takes_nothing_from_the_output() -> None:
    lie = {
        "prompt_tokens": 10,
        "completion_tokens": 25,
        "total_tokens": 15,
        "completion_tokens_details": {"reasoning_tokens": -20},
    }
    assert tokens(lie) == TokenUsage(input_tokens=10, output_tokens=25)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"completion_tokens": 5},
        {"input_tokens": 5, "output_tokens": 5},
        "12",
        12,
        [],
        {"prompt_tokens": "12"},
        {"prompt_tokens": 1.5},
        {"prompt_tokens": True},
        {"prompt_tokens": -1},
        {"prompt_tokens": 5, "completion_tokens": -1},
        {"prompt_tokens": 2**40 + 1},
        {"prompt_tokens": 10**30},
        {"total_tokens": 3, "completion_tokens": 5},
        {"prompt_tokens": 5, "prompt_tokens_details": "none"},
    ],
)
def test_usage_that_cannot_be_believed_is_none(usage: object) -> None:
    assert tokens(usage) is None


def test_an_answer_without_usage_reports_none() -> None:
    counted = read_counts(b'{"choices":[]}')
    assert counted is not None
    assert tokens_of(counted) is None


counts = st.none() | st.integers(-5, 100) | st.integers()


@given(st.fixed_dictionaries({}, optional={
    "prompt_tokens": counts, "completion_tokens": counts, "total_tokens": counts,
    "prompt_tokens_details": st.dictionaries(st.sampled_from(["cached_tokens", "cache_write_tokens", "audio_tokens"]), counts),
    "completion_tokens_details": st.dictionaries(st.sampled_from(["reasoning_tokens", "audio_tokens"]), counts),
}))  # fmt: skip
def test_no_part_is_negative_or_more_than_its_whole(usage: dict[str, object]) -> None:
    used = tokens(usage)
    if used is None:
        return
    for part in (used.cached_tokens, used.cache_write_tokens, used.input_audio_tokens):
        assert 0 <= part <= used.input_tokens
    for part in (used.reasoning_tokens, used.output_audio_tokens):
        assert 0 <= part <= used.output_tokens
    reported = usage.get("completion_tokens")
    assert used.output_tokens >= (reported if isinstance(reported, int) else 0), "nothing can make the output smaller"


@given(st.binary(max_size=80) | anything.map(lambda value: json.dumps(value).encode()))
def test_whatever_an_upstream_says_is_read_or_not_and_never_a_fault(data: bytes) -> None:
    counted = read_counts(data)
    if counted is not None:
        tokens_of(counted)
    assert all(isinstance(text, str) for text in texts_in(data))
    assert is_json_object(data) in {True, False}


@given(
    st.dictionaries(
        st.sampled_from(["content", "refusal", "reasoning_content", "tool_calls", "function_call"]), anything
    )
)
def test_whatever_a_model_wrote_becomes_text(part: dict[str, object]) -> None:
    for kind in ("delta", "message"):
        found = texts_in(json.dumps({"choices": [{kind: part}]}).encode())
        assert len(found) == sum(1 for value in part.values() if value)


def test_texts_are_contents_refusals_reasoning_and_tool_calls() -> None:
    call = {"index": 0, "function": {"name": "look", "arguments": '{"a":1}'}}
    answer = {
        "choices": [
            {"message": {"content": "one", "refusal": None, "reasoning_content": "two", "tool_calls": [call]}},
            {"delta": {"refusal": "three", "content": ""}},
            {"text": "four", "logprobs": {"tokens": ["x"]}},
        ]
    }
    one, two, call_text, three, four = texts_in(json.dumps(answer).encode())
    assert (one, two, three, four) == ("one", "two", "three", "four")
    assert json.loads(call_text) == [call]


def test_a_number_that_fits_no_machine_word_is_text_too() -> None:
    assert texts_in(b'{"choices":[{"delta":{"tool_calls":[{"index":1%s}]}}]}' % (b"0" * 30)) == [
        '[{"index":1%s}]' % ("0" * 30)
    ]


def test_the_shape_of_an_answer_is_known() -> None:
    answer = read_counts(b'{"model":"m","service_tier":"flex","choices":[{}]}')
    assert answer is not None
    assert (answer.model, answer.service_tier, answer.has("choices"), answer.has("data")) == ("m", "flex", True, False)
    listed = read_counts(b'{"data":[],"choices":null}')
    assert listed is not None
    assert (listed.has("choices"), listed.has("data")) == (False, True)
    for nothing in (b"", b"[]", b"<html>", b'{"choices":{}}', b'{"model":1}', b"\xff"):
        assert read_counts(nothing) is None
