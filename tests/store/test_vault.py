"""Sealing: what was changed, moved or sealed under another key does not open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.store.contract import Sealer
from keyhouse.store.vault import Vault

OLD, NEW = b"\x01" * 32, b"\x02" * 32
PLAIN = b"sk-upstream-secret"


@pytest.fixture
def vault() -> Sealer:
    return Vault("mk_1", {"mk_1": OLD})


@given(st.binary(max_size=300), st.text(max_size=40))
def test_what_is_sealed_opens_under_its_context(plain: bytes, context: str) -> None:
    vault = Vault("mk_1", {"mk_1": OLD})
    sealed = vault.seal(plain, context)
    assert vault.open(sealed, context) == plain
    assert len(plain) < 8 or plain not in sealed


def test_the_same_text_is_never_sealed_alike(vault: Sealer) -> None:
    assert len({vault.seal(PLAIN, "upstream:1") for _ in range(100)}) == 100


def test_a_secret_moved_to_another_object_does_not_open(vault: Sealer) -> None:
    refused(vault, vault.seal(PLAIN, "upstream:1"), "upstream:2")


def test_every_changed_bit_is_noticed(vault: Sealer) -> None:
    sealed = vault.seal(PLAIN, "upstream:1")
    for position in range(len(sealed)):
        for bit in range(8):
            changed = bytearray(sealed)
            changed[position] ^= 1 << bit
            refused(vault, bytes(changed), "upstream:1")


def test_every_shortening_is_noticed(vault: Sealer) -> None:
    sealed = vault.seal(PLAIN, "upstream:1")
    for length in range(len(sealed)):
        refused(vault, sealed[:length], "upstream:1")
    refused(vault, sealed + b"\x00", "upstream:1")


def test_what_an_older_master_key_sealed_opens_after_a_rotation(vault: Sealer) -> None:
    rotated = Vault("mk_2", {"mk_1": OLD, "mk_2": NEW})
    assert rotated.open(vault.seal(PLAIN, "c"), "c") == PLAIN
    refused(vault, rotated.seal(PLAIN, "c"), "c")


def test_the_wrong_key_of_the_right_name_does_not_open(vault: Sealer) -> None:
    refused(Vault("mk_1", {"mk_1": NEW}), vault.seal(PLAIN, "c"), "c")


def refused(vault: Sealer, sealed: bytes, context: str) -> None:
    with pytest.raises(KeyhouseError) as caught:
        vault.open(sealed, context)
    assert caught.value.code is ErrorCode.SECRETS_MISSING
    assert "secret" not in repr(caught.value.__context__)
