"""The shape of a secret, and base62 under it."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain import base62, keyformat
from keyhouse.domain.base62 import ALPHABET
from keyhouse.domain.keyformat import MAX_LENGTH, SecretKind, checksum, mint, parse, redact

kinds = st.sampled_from(SecretKind)
minted = st.builds(mint, kinds)


@given(kinds)
def test_what_is_minted_is_parsed_back(kind: SecretKind) -> None:
    secret = mint(kind)
    assert parse(secret.value) == (kind, secret.public_id)
    assert secret.value.startswith(kind.value)
    assert len(secret.value) == len(kind.value) + 12 + 32 + 6 <= MAX_LENGTH


def test_the_prefixes_are_those_that_people_rely_on() -> None:
    assert {kind.name: kind.value for kind in SecretKind} == {
        "PROJECT": "sk-kh_",
        "SERVICE_ACCOUNT": "sk-khsvc_",
        "ADMIN": "sk-khadm_",
        "EPHEMERAL": "ek_kh_",
    }


@given(minted, st.data())
def test_any_changed_character_is_refused(secret: keyformat.Secret, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(secret.value) - 1))
    other = data.draw(st.characters().filter(lambda c: c != secret.value[at]))
    assert parse(secret.value[:at] + other + secret.value[at + 1 :]) is None


@given(minted, st.data())
def test_a_missing_or_an_added_character_is_refused(secret: keyformat.Secret, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(secret.value) - 1))
    assert parse(secret.value[:at] + secret.value[at + 1 :]) is None
    assert parse(secret.value[:at] + data.draw(st.sampled_from(ALPHABET)) + secret.value[at:]) is None


@given(minted, st.data())
def test_two_neighbours_that_changed_places_are_refused(secret: keyformat.Secret, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(secret.value) - 2))
    swapped = secret.value[:at] + secret.value[at + 1] + secret.value[at] + secret.value[at + 2 :]
    assert swapped == secret.value or parse(swapped) is None


@given(minted, kinds)
def test_the_checksum_covers_the_prefix(secret: keyformat.Secret, kind: SecretKind) -> None:
    body = secret.value.removeprefix(secret.kind.value)
    assert (parse(kind.value + body) is not None) == (kind is secret.kind)


@given(st.text(max_size=80) | st.text(alphabet=ALPHABET + "_-", min_size=50, max_size=62))
def test_what_was_not_minted_is_refused(text: str) -> None:
    assert parse(text) is None


def test_a_text_of_a_megabyte_is_refused() -> None:
    assert parse("sk-kh_" + "a" * 1_000_000) is None


def test_no_secret_contains_the_mark_of_openais_own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    marked, clean = iter("T3BlbkFJ" + "a" * 36), iter("b" * 44)
    draws = [*marked, *clean]
    monkeypatch.setattr("keyhouse.domain.keyformat.secrets.choice", lambda _: draws.pop(0))
    secret = mint(SecretKind.PROJECT)
    assert secret.value.startswith("sk-kh_" + "b" * 44)
    assert not draws


def test_no_two_secrets_are_alike() -> None:
    secrets = [mint(SecretKind.PROJECT) for _ in range(500)]
    assert len({s.value for s in secrets}) == len({s.public_id for s in secrets}) == 500


@given(minted)
def test_a_redacted_secret_tells_its_kind_and_its_last_four_characters_only(secret: keyformat.Secret) -> None:
    assert secret.redacted == redact(secret.value) == f"{secret.kind.value}…{secret.value[-4:]}"
    assert secret.value not in repr(secret)
    assert secret.value[len(secret.kind.value) + 12 : -6] not in repr(secret)


def test_what_is_no_key_of_ours_is_redacted_too() -> None:
    assert redact("hunter2hunter2") == "…ter2"


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_a_checksum_is_the_crc_32_in_base62(text: str) -> None:
    number = 0
    for digit in checksum(text):
        number = number * 62 + ALPHABET.index(digit)
    assert number == zlib.crc32(text.encode())
    assert len(checksum(text)) == 6


@given(st.integers(0, 2**128), st.integers(1, 22))
def test_base62_gives_the_least_significant_digits_most_significant_first(number: int, width: int) -> None:
    text = base62.encode(number, width)
    assert len(text) == width
    assert base62.is_base62(text)
    value = 0
    for digit in text:
        value = value * 62 + ALPHABET.index(digit)
    assert value == number % 62**width


@given(st.integers(0, 62**9 - 1), st.integers(0, 62**9 - 1))
def test_base62_of_one_width_sorts_like_its_numbers(one: int, other: int) -> None:
    assert (base62.encode(one, 9) < base62.encode(other, 9)) == (one < other)


@pytest.mark.parametrize("text", ["-", "a b", "ä", "a\n", "٣", "sk-kh_"])
def test_other_characters_are_not_base62(text: str) -> None:
    assert not base62.is_base62(text)
