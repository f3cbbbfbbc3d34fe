"""From a method and a raw target to an operation: exact bytes, nothing guessed."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.errors import KeyhouseError
from keyhouse.domain.operations import MODELS_RETRIEVE, OPERATIONS, Operation
from keyhouse.edge.routes import find, identifier

METHODS = [
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"PATCH",
    b"DELETE",
    b"OPTIONS",
    b"TRACE",
    b"CONNECT",
    b"get",
    b"QUERY",
    b"",
]
SERVED = {
    b"/v1/chat/completions": (b"POST", "chat.completions"),
    b"/v1/completions": (b"POST", "completions"),
    b"/v1/embeddings": (b"POST", "embeddings"),
    b"/v1/models": (b"GET", "models.list"),
    b"/v1/models/gpt-4o": (b"GET", "models.retrieve"),
}


def outcome(method: bytes, path: bytes) -> Operation | KeyhouseError:
    try:
        return find(method, path)
    except KeyhouseError as error:
        return error


def refusal(method: bytes, path: bytes) -> KeyhouseError:
    error = outcome(method, path)
    assert isinstance(error, KeyhouseError)
    return error


def test_the_table_is_what_is_served() -> None:
    assert {operation.name for operation in OPERATIONS} == {name for _, name in SERVED.values()}


@pytest.mark.parametrize("path", SERVED)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_on_every_path(method: bytes, path: bytes) -> None:
    allowed, name = SERVED[path]
    if method == allowed:
        assert find(method, path).name == name
        return
    error = refusal(method, path)
    assert (error.code.code, error.code.status) == ("method_not_allowed", 405)
    assert error.headers == (("allow", allowed.decode()),)
    assert error.message == f"{method.decode()} is not allowed on {path.decode()}; allowed: {allowed.decode()}."


@pytest.mark.parametrize(
    "path",
    [
        b"/v1/chat/completions/",
        b"/v1//chat/completions",
        b"//v1/chat/completions",
        b"/v1/chat//completions",
        b"/v1/./chat/completions",
        b"/v1/chat/../chat/completions",
        b"/v1/chat/completions/.",
        b"/v1/models/../chat/completions;",
        b"/v1/chat/completions;x=1",
        b"/v1/chat/completions%20",
        b"/v1/chat%2Fcompletions",
        b"/v1/%63hat/completions",
        b"/%76%31/chat/completions",
        b"/V1/chat/completions",
        b"/v1/Chat/Completions",
        b"/v1/chat/completions\x00",
        b"/v1/chat/completions ",
        b"/v1/chat/completions#x",
        b"/v1/chat/completions?x",
        b"/v1/chat\\completions",
        b"http://127.0.0.1/v1/chat/completions",
        b"v1/chat/completions",
        b"/v1/models/",
        b"/v1/models/a b",
        b"/v1/models/a%",
        b"/v1/models/a%2",
        b"/v1/models/a%zz",
        b"/v1/models/a;b",
        b"/v1/models/\xff",
        b"/v1/models/a?b",
        b"/v1/models/a\n",
        b"/v1/model",
        b"/v1/modelsx",
        b"/v1/images/generations",
        b"/v1/",
        b"/v1",
        b"/",
        b"*",
        b"",
    ],
)
@pytest.mark.parametrize("method", [b"POST", b"GET"])
def test_what_is_not_served_byte_for_byte_is_unknown(method: bytes, path: bytes) -> None:
    error = refusal(method, path)
    assert (error.code.code, error.code.status) == ("unknown_route", 404)
    assert error.message.startswith(f"Unknown request URL: {method.decode()} ")
    assert error.message.endswith("No operation is served there.")
    assert error.message.isprintable()


@given(st.binary(max_size=300), st.binary(max_size=20))
def test_whatever_the_target_it_is_found_or_refused(path: bytes, method: bytes) -> None:
    for target in (path, b"/v1/" + path, b"/v1/models/" + path):
        found = outcome(method, target)
        if isinstance(found, KeyhouseError):
            assert found.code.status in {404, 405}
            assert found.message.isprintable()


names = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), min_size=1, max_size=40)


@given(names, st.sampled_from(["", "/:@+"]))
def test_a_models_id_is_what_was_percent_encoded(name: str, safe: str) -> None:
    path = b"/v1/models/" + quote(name, safe=safe).encode()
    assert find(b"GET", path) is MODELS_RETRIEVE
    assert identifier(MODELS_RETRIEVE, path) == name


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"a%252Fb", "a%2Fb"),
        (b"org/model:free", "org/model:free"),
        (b"../../etc/passwd", "../../etc/passwd"),
        (b"%2e%2e%2fx", "../x"),
        (b"a%00b", "a\x00b"),
        (b"%ff", "\ufffd"),
        (b"a+b", "a+b"),
        (b"ft:~a!b(c)*", "ft:~a!b(c)*"),
    ],
)
def test_an_id_is_decoded_once_and_never_walked(raw: bytes, name: str) -> None:
    assert find(b"GET", b"/v1/models/" + raw) is MODELS_RETRIEVE
    assert identifier(MODELS_RETRIEVE, b"/v1/models/" + raw) == name
