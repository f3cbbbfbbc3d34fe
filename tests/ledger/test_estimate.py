"""What a call used when nobody reports it: every body that an upstream took can be counted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyhouse.domain.operations import Metering
from keyhouse.ledger import tokenizer
from keyhouse.ledger.estimate import count, guess_input

MODEL = "gpt-4o"
COUNTED = (Metering.CHAT, Metering.COMPLETION, Metering.EMBEDDING)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["messages", "prompt", "input", "tools", "functions", "n", "other"])


def test_a_chat_is_counted_as_the_tokenizer_counts_it() -> None:
    messages = [{"role": "user", "content": "How many keys are there?"}]
    used = count(Metering.CHAT, MODEL, json.dumps({"model": MODEL, "messages": messages}).encode(), ["Seven", " keys."])
    assert used.input_tokens == tokenizer.count_chat_input(MODEL, messages)
    assert used.output_tokens == tokenizer.count_text(MODEL, "Seven keys.")


def test_tools_count_as_input_under_either_name() -> None:
    tools = [{"type": "function", "function": {"name": "look", "description": "Looks at a thing."}}]
    plain, new, old = (
        count(Metering.CHAT, MODEL, json.dumps({"messages": ["hi"], **more}).encode(), []).input_tokens
        for more in ({}, {"tools": tools}, {"functions": tools})
    )
    assert plain < new == old


def test_a_completion_counts_its_prompt_and_an_embedding_its_input() -> None:
    body = json.dumps({"prompt": "one two three", "input": ["four five", "six"]}).encode()
    assert count(Metering.COMPLETION, MODEL, body, []).input_tokens == tokenizer.count_prompt(MODEL, "one two three")
    assert count(Metering.EMBEDDING, MODEL, body, []).input_tokens == tokenizer.count_prompt(
        MODEL, ["four five", "six"]
    )


@pytest.mark.parametrize("metering", COUNTED)
@given(request=st.dictionaries(FIELDS, anything, max_size=4), texts=st.lists(st.text(max_size=20), max_size=3))
@settings(max_examples=60, deadline=None)
def test_no_json_object_is_beyond_counting(metering: Metering, request: dict[str, object], texts: list[str]) -> None:
    used = count(metering, MODEL, json.dumps(request).encode(), texts)
    assert used.input_tokens >= 0
    assert used.output_tokens == tokenizer.count_text(MODEL, "".join(texts))


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[],"top_p":1e999}',
        b'{"messages":[' + b"9" * 5000 + b"]}",
        b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["number out of range", "5000 digits", "100000 deep"],
)
def test_a_body_that_cannot_be_decoded_whole_is_guessed_from_its_size(body: bytes) -> None:
    used = count(Metering.CHAT, MODEL, body, ["a word"])
    assert used.input_tokens == guess_input(body)
    assert used.output_tokens == tokenizer.count_text(MODEL, "a word")


def test_a_guess_is_a_token_for_four_bytes() -> None:
    assert guess_input(b"x" * 401) == 100
    assert guess_input(b"") == 0


def test_an_inline_file_is_guessed_at_a_constant_whatever_its_size() -> None:
    def body(size: int) -> bytes:
        return b'{"url":"data:image/png;base64,' + b"A" * size + b'"}'

    assert guess_input(body(1000)) == guess_input(body(4_000_000)) == len(body(0)) // 4 - 2 + tokenizer.IMAGE_TOKENS
