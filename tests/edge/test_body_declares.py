"""What a body declares of its answer's length is read as an upstream reads it, and nonsense is refused as OpenAI refuses it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.errors import KeyhouseError
from keyhouse.edge.body import inspect
from keyhouse.ledger.bounds import NOTHING_DECLARED, Declared

FIELDS = ("n", "best_of", "max_tokens", "max_completion_tokens", "max_output_tokens")
MOST = 2**31 - 1


def declared(**fields: object) -> Declared:
    body = json.dumps({"model": "m", **fields}).encode()
    return inspect(body, can_stream=True).declared


def refusal(body: bytes) -> KeyhouseError:
    with pytest.raises(KeyhouseError) as caught:
        inspect(body, can_stream=True)
    return caught.value


@given(st.fixed_dictionaries({}, optional={field: st.none() | st.integers(1, MOST) for field in FIELDS}), st.booleans())
def test_every_bound_is_carried_whatever_else_the_call_is(fields: dict[str, int | None], stream: bool) -> None:
    assert declared(stream=stream, **fields) == Declared._make([*map(fields.get, FIELDS), 1])


def test_a_body_that_declares_nothing_costs_nothing_to_carry() -> None:
    assert declared() is NOTHING_DECLARED
    assert declared(n=None, max_tokens=None, prompt="a text") is NOTHING_DECLARED


def test_a_bound_further_down_is_not_the_calls() -> None:
    assert declared(metadata={"max_tokens": 5}) is NOTHING_DECLARED


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a text", 1),
        ("", 1),
        (None, 1),
        ([], 1),
        (["a"], 1),
        (["a", "b", "c"], 3),
        ([1, 2, 3], 1),
        ([-1, 2, 3], 1),
        ([[1, 2], [3]], 2),
        ([["[", 1], "]"], 2),
        ([1, "a", "b"], 2),
        ({"id": "pmpt_1"}, 1),
    ],
)
def test_a_list_of_prompts_is_as_many_answers(prompt: object, prompts: int) -> None:
    assert declared(prompt=prompt).prompts == prompts


def test_prompts_are_counted_however_they_are_written() -> None:
    assert inspect(b'{"model":"m","prompt": [ "a" ,\n"b,\\"c", [ 1 ] ] }', can_stream=True).declared.prompts == 3
    many = b'{"model":"m","prompt":[' + b",".join([b"9" * 5_000] * 3) + b"]}"
    assert inspect(many, can_stream=True).declared.prompts == 1


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (0, "integer below minimum value. Expected a value >= 1, but got 0 instead."),
        (-1, "integer below minimum value. Expected a value >= 1, but got -1 instead."),
        (-(2**70), "integer below minimum value. Expected a value >= 1, but got -1180591620717411303424 instead."),
        (2**31, "integer above maximum value. Expected a value <= 2147483647, but got 2147483648 instead."),
        (10**400, "integer above maximum value. Expected a value <= 2147483647, but got 1000"),
    ],
)
def test_a_bound_out_of_range_is_refused_with_openais_sentence(field: str, value: int, sentence: str) -> None:
    error = refusal(json.dumps({"model": "m", field: value}).encode())
    assert (error.code.code, error.code.status, error.param) == ("invalid_value", 400, field)
    assert error.message.startswith(f"Invalid '{field}': {sentence}")
    assert len(error.message) < 250


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [b"1.5", b'"5"', b"true", b"[5]", b"{}", b"1e400", b"9" * 5_000])
def test_a_bound_that_is_no_whole_number_is_refused(field: str, value: bytes) -> None:
    error = refusal(b'{"model":"m","%s":%s}' % (field.encode(), value))
    assert (error.code.status, error.param) == (400, field) or error.code.code == "invalid_json"


def test_a_completion_may_ask_for_no_output() -> None:
    assert declared(prompt="a text", echo=True, max_tokens=0).max_tokens == 0
    assert refusal(b'{"model":"m","prompt":"a","max_tokens":-1}').message.startswith("Invalid 'max_tokens'")
    assert refusal(b'{"model":"m","messages":[],"max_tokens":0}').param == "max_tokens"
