"""Bodies pass byte for byte; what is peeked at is unambiguous; what is added is exactly what must be."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.errors import KeyhouseError
from keyhouse.edge.body import _PEEKED, Inspected, inspect

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.sampled_from(_PEEKED), inner, max_size=4)
    ),
    max_leaves=10,
)
foreign_keys = st.text(max_size=10).filter(lambda key: key.casefold() not in _PEEKED)
models = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=40)
spacings = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n ")])


@st.composite
def bodies(draw: st.DrawFn, /, stream: bool = False, **peeked: st.SearchStrategy[object]) -> bytes:
    """A request in somebody's own way of writing JSON, with members in any order."""
    members: dict[str, object] = draw(st.dictionaries(foreign_keys, values, max_size=5))
    members |= {"model": draw(models), **{key: draw(value) for key, value in peeked.items()}}
    members |= {"stream": True} if stream else {}
    order = draw(st.permutations(list(members)))
    text = json.dumps(
        {key: members[key] for key in order},
        ensure_ascii=draw(st.booleans()),
        separators=draw(spacings),
        indent=draw(st.none() | st.just(1)),
    )
    return draw(st.sampled_from(["", " ", "\r\n\t"])).encode() + text.encode() + draw(st.sampled_from([b"", b"\n"]))


def exactly(body: bytes) -> object:
    """JSON with every number as it is written."""
    return json.loads(body, parse_int=str, parse_float=str)


def outcome(body: bytes) -> Inspected | KeyhouseError:
    try:
        return inspect(body, can_stream=True)
    except KeyhouseError as error:
        return error


def refusal(body: bytes) -> KeyhouseError:
    error = outcome(body)
    assert isinstance(error, KeyhouseError)
    return error


# --- what passes ---


@given(bodies(n=st.none(), max_tokens=st.none(), best_of=st.none()))
def test_a_plain_body_passes_byte_for_byte(body: bytes) -> None:
    assert inspect(body, can_stream=True) == Inspected(body, json.loads(body)["model"], stream=False)


@given(
    bodies(
        stream=True, stream_options=st.fixed_dictionaries({"include_usage": st.just(True)}, optional={"other": values})
    )
)
def test_a_stream_that_asks_for_usage_passes_byte_for_byte(body: bytes) -> None:
    assert inspect(body, can_stream=True) == Inspected(body, json.loads(body)["model"], stream=True)


@given(bodies(stream=True, stream_options=values))
def test_an_operation_that_cannot_stream_is_never_added_to(body: bytes) -> None:
    assert inspect(body, can_stream=False) == Inspected(body, json.loads(body)["model"], stream=False)


@pytest.mark.parametrize(
    "number", ["9" * 4301, "-" + "1" * 5000, "0." + "3" * 400, "1e999", "123456789012345678901234567890"]
)
@pytest.mark.parametrize("hint", ["", '"x":{"model":1},'], ids=["plain", "looked at closely"])
def test_numbers_pass_untouched_whatever_their_size(number: str, hint: str) -> None:
    body = f'{{"model":"m","stream":true,{hint}"seed":{number}}}'.encode()
    assert b'"seed":' + number.encode() + b"}" in inspect(body, can_stream=True).body


def test_a_field_that_occurs_twice_further_down_is_somebody_elses_matter() -> None:
    body = b'{"model":"m","messages":[{"model":"a","model":"b","Stream":1,"n":1,"n":2}],"tools":{"stream_options":{"n":1,"n":2}}}'
    assert inspect(body, can_stream=True).body == body


# --- what is added ---


@given(bodies(stream=True))
def test_usage_is_asked_for_with_one_member_and_every_other_byte_stays(body: bytes) -> None:
    seen = inspect(body, can_stream=True)
    assert seen.usage_added
    assert seen.body.replace(b'"stream_options":{"include_usage":true},', b"", 1) == body
    assert exactly(seen.body) == {**exactly(body), "stream_options": {"include_usage": True}}  # type: ignore[dict-item] # an object


options = st.none() | st.fixed_dictionaries(
    {}, optional={"include_usage": st.sampled_from([False, None]), "include_obfuscation": st.booleans(), "é": values}
)


@given(bodies(stream=True, stream_options=options))
def test_options_without_usage_get_it_and_every_other_byte_stays(body: bytes) -> None:
    seen = inspect(body, can_stream=True)
    assert seen.usage_added
    wanted = json.loads(body, parse_int=str, parse_float=str)
    wanted["stream_options"] = {**(wanted["stream_options"] or {}), "include_usage": True}
    assert exactly(seen.body) == wanted
    assert taken_out(body, seen.body) in {b"", b"null", b"nul", b"fals", b"false"}


def taken_out(before: bytes, after: bytes) -> bytes:
    """What of `before` is not in `after`: neither in the beginning that they share, nor in the end."""
    shorter = min(len(before), len(after))
    start = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    end = next((n for n in range(shorter - start) if before[-1 - n] != after[-1 - n]), shorter - start)
    return before[start : len(before) - end]


# --- what could be read in two ways ---

written: dict[str, Callable[[str], str]] = {
    "as it is": lambda name: name,
    "in capitals": str.upper,
    "with a capital": str.capitalize,
    "with an escaped letter": lambda name: f"\\u{ord(name[0]):04x}{name[1:]}",
    "with an escaped capital": lambda name: f"\\u{ord(name[0].upper()):04X}{name[1:]}",
    "with its last letter escaped": lambda name: f"{name[:-1]}\\u{ord(name[-1]):04X}",
    "with its last letter an escaped capital": lambda name: f"{name[:-1]}\\u{ord(name[-1].upper()):04x}",
}


@pytest.mark.parametrize("how", written)
@pytest.mark.parametrize("name", [name for name in _PEEKED if name != "include_usage"])
@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_second_reading_of_a_peeked_field_is_refused(name: str, how: str, first: bool) -> None:
    value = {"model": '"m"', "prompt": '""', "stream": "true", "stream_options": "null"}.get(name, "1")
    plain, other = f'"{name}":{value}', f'"{written[how](name)}":{value}'
    pair = f"{other},{plain}" if first else f"{plain},{other}"
    rest = "" if name == "model" else ',"model":"m"'
    error = refusal(f"{{{pair}{rest}}}".encode())
    assert (error.code.code, error.code.status, error.param) == ("duplicate_field", 400, name)
    assert error.message.endswith("so it could be read in two ways.")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("max_to\u212aens", "max_tokens"),
        ("\u017ftream", "stream"),
        ("\\u017Ftream", "stream"),
        ("max_to\\u212Aens", "max_tokens"),
    ],
)
def test_letters_that_other_parsers_fold_are_refused(name: str, field: str) -> None:
    assert refusal(f'{{"model":"m","{name}":1}}'.encode()).param == field


@pytest.mark.parametrize("how", written)
def test_usage_asked_for_twice_is_refused(how: str) -> None:
    other = written[how]("include_usage")
    error = refusal(f'{{"model":"m","stream":true,"stream_options":{{"include_usage":true,"{other}":false}}}}'.encode())
    assert (error.code.code, error.param) == ("duplicate_field", "stream_options.include_usage")


def test_a_name_that_differs_only_in_case_is_refused_even_alone() -> None:
    error = refusal(b'{"model":"m","Stream":true}')
    assert error.message == "The field 'Stream' differs from 'stream' only in case, so it could be read in two ways."


@given(bodies(), st.sampled_from(["model", "Model", "\\u006dodel", "\\u004dODEL"]))
def test_a_second_model_is_found_wherever_it_stands(body: bytes, name: str) -> None:
    text = body.decode().rstrip()
    for doubled in (text.replace("{", f'{{"{name}":"other",', 1), f'{text[:-1]},"{name}":"other"}}'):
        assert refusal(doubled.encode()).code.code == "duplicate_field"


# --- what is no request ---

BAD = [
    (b"", "body_required", None, "This operation needs a JSON body; none was sent."),
    (b" ", "invalid_json", None, "We could not parse the JSON body of your request"),
    (b'{"model":"m"', "invalid_json", None, "We could not parse the JSON body"),
    (b'{"model":"m"}{"model":"n"}', "invalid_json", None, "trailing characters"),
    (b"{'model':'m'}", "invalid_json", None, "We could not parse"),
    (b'{"model":"m","x":NaN}', "invalid_json", None, "We could not parse"),
    (b'{"model":"m","x":01}', "invalid_json", None, "We could not parse"),
    (b'{"model":"m","x":"\x01"}', "invalid_json", None, "We could not parse"),
    (b'\xef\xbb\xbf{"model":"m"}', "invalid_json", None, "We could not parse"),
    ('{"model":"m"}'.encode("utf-16"), "invalid_json", None, "The body is not valid UTF-8 (byte 0)."),
    (b'{"model":"m","x":"\xff"}', "invalid_json", None, "The body is not valid UTF-8 (byte 18)."),
    (b'{"model":"m","x":"\xed\xa0\x80"}', "invalid_json", None, "not valid UTF-8"),
    (b'{"model":"m\xc3"}', "invalid_json", None, "not valid UTF-8"),
    (b"[" * 1_000_000, "invalid_value", None, "The body must be a JSON object"),
    (b'{"model":"m","x":' + b"[" * 1_000_000, "invalid_json", None, "nested too deeply"),
    (b'{"model":"m","x":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}", "invalid_json", None, "nested too deeply"),
    (b'{"model":"m","x":' + b'{"a":' * 1_000_000 + b"1" + b"}" * 1_000_001, "invalid_json", None, "nested too deeply"),
    (b"[]", "invalid_value", None, "The body must be a JSON object: Expected object, got array."),
    (b"null", "invalid_value", None, "The body must be a JSON object: Expected object, got null."),
    (b'"text"', "invalid_value", None, "The body must be a JSON object"),
    (b"{}", "invalid_value", "model", "You must provide a 'model' parameter."),
    (b'{"model":null}', "invalid_value", "model", "'model' has the wrong type: Expected str, got null."),
    (b'{"model":7}', "invalid_value", "model", "'model' has the wrong type: Expected str, got int."),
    (b'{"model":["m"]}', "invalid_value", "model", "'model' has the wrong type"),
    (b'{"model":""}', "invalid_value", "model", "'model' must be 1 to 256 printable characters."),
    (b'{"model":"' + b"m" * 257 + b'"}', "invalid_value", "model", "1 to 256"),
    (b'{"model":"a\\nb"}', "invalid_value", "model", "printable"),
    (b'{"model":"m","stream":"true"}', "invalid_value", "stream", "'stream' has the wrong type: Expected bool | null, got str."),
    (b'{"model":"m","stream":1}', "invalid_value", "stream", "'stream' has the wrong type"),
    (b'{"model":"m","n":"2"}', "invalid_value", "n", "'n' has the wrong type"),
    (b'{"model":"m","n":1.5}', "invalid_value", "n", "'n' has the wrong type"),
    (b'{"model":"m","max_tokens":' + b"9" * 5000 + b"}", "invalid_value", "max_tokens", "'max_tokens' has the wrong type"),
    (b'{"model":"m","max_completion_tokens":[]}', "invalid_value", "max_completion_tokens", "wrong type"),
    (b'{"model":"m","stream":true,"stream_options":[]}', "invalid_value", "stream_options", "'stream_options' has the wrong"),
    (b'{"model":"m","stream":true,"stream_options":{"include_usage":1}}', "invalid_value", "stream_options", "wrong type"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "param", "sentence"), BAD, ids=range(len(BAD)))
def test_a_body_that_is_no_request_is_refused_with_a_sentence(
    body: bytes, code: str, param: str | None, sentence: str
) -> None:
    error = refusal(body)
    assert (error.code.code, error.code.status, error.param) == (code, 400, param)
    assert sentence in error.message
    assert len(error.message) < 250


@given(
    st.binary(max_size=60) | bodies().flatmap(lambda body: st.builds(lambda n: body[:n], st.integers(0, len(body) - 2)))
)
def test_whatever_comes_is_passed_or_refused_as_a_400(body: bytes) -> None:
    seen = outcome(body)
    assert seen.code.status == 400 if isinstance(seen, KeyhouseError) else seen.model


def test_a_body_that_must_be_walked_over_has_a_thousand_fields_at_most() -> None:
    def body(fields: int) -> bytes:
        return b'{"model":"m","x":{"model":1}' + b',"a":1' * (fields - 2) + b"}"

    assert inspect(body(1_000), can_stream=True).body == body(1_000)
    assert refusal(body(1_001)).message == "The body has more than 1,000 fields."


def test_nesting_that_can_be_decoded_but_not_looked_at_closely_is_refused_not_a_fault() -> None:
    for depth in range(850, 1010):
        body = b'{"model":"m","x":{"model":1},"y":' + b"[" * depth + b"]" * depth + b"}"
        seen = outcome(body)
        if isinstance(seen, KeyhouseError):
            assert seen.message == "The body is nested too deeply to be read."
        else:
            assert seen.body == body


def test_a_large_body_of_tiny_members_is_read_at_once() -> None:
    body = b'{"model":"m","metadata":{' + b'"s":"i",' * 2_000_000 + b'"z":1}}'
    began = time.perf_counter()
    assert inspect(body, can_stream=True).body == body
    assert time.perf_counter() - began < 2


def test_an_ambiguous_body_of_very_many_values_is_refused_before_it_is_walked_over() -> None:
    def body(commas: int) -> bytes:
        return b'{"model":"m","x":[' + b'{"n":1},' * (commas - 1) + b"1]}"

    assert inspect(body(1_000), can_stream=True).model == "m"
    assert "commas" in refusal(body(1_000_001)).message
