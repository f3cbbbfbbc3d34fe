"""The table of errors, and sentences that hold what a caller sent."""

from __future__ import annotations

import re
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, not_found, shown


def test_every_error_has_a_code_of_its_own_and_they_are_alphabetical() -> None:
    codes = [error.code for error in ErrorCode]
    names = [error.name for error in ErrorCode]
    assert len(codes) == len(set(codes)) == len(ErrorCode.__members__), "an enum swallows a repeated value as an alias"
    assert names == sorted(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", code) for code in codes)


@pytest.mark.parametrize("error", ErrorCode, ids=lambda error: error.code)
def test_an_error_has_a_real_status_a_sentence_and_openais_coarse_type(error: ErrorCode) -> None:
    assert 400 <= HTTPStatus(error.status) <= 599
    assert error.when
    assert error.when[0].isupper() or error.when.startswith("`")
    # OpenAI's type of a 429 is what ran out; of every other refusal, whose doing it is.
    of_status = error.code if error.status == 429 else "invalid_request_error"
    assert error.type == ("server_error" if error.status >= 500 else of_status)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("invalid_api_key", 401),
        ("model_not_found", 404),
        ("insufficient_permissions", 403),
        ("mismatched_organization", 401),
    ],
)
def test_codes_that_openai_has_keep_its_status(code: str, status: int) -> None:
    assert {error.code: error.status for error in ErrorCode}[code] == status


def test_a_refusal_carries_its_sentence_its_field_and_its_headers() -> None:
    error = KeyhouseError(ErrorCode.METHOD_NOT_ALLOWED, "Not so.", param="method", headers=[("allow", "GET")])
    assert (str(error), error.message, error.param, error.headers) == (
        "Not so.",
        "Not so.",
        "method",
        (("allow", "GET"),),
    )
    assert invalid("name", "No.").param == "name"
    assert not_found("key", "key_x\n").message == "No key with id 'key_x\\u000a' was found."


@given(st.text(max_size=300), st.integers(2, 100))
def test_what_a_caller_sent_fits_a_sentence(text: str, limit: int) -> None:
    fit = shown(text, limit)
    assert fit.isprintable()
    if len(text) <= limit and text.isprintable():
        assert fit == text
    elif len(text) > limit:
        assert fit.endswith("…")
