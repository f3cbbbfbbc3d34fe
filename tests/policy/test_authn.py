"""Who calls: every 401 has its sentence, and nobody learns anything of a key without its secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from keyhouse.domain import keyformat
from keyhouse.domain.errors import KeyhouseError
from keyhouse.domain.keyformat import SecretKind, mint
from keyhouse.domain.keys import KeyKind
from keyhouse.policy.authn import Authenticator
from keyhouse.policy.peppers import Peppers
from tests.policy.credentials import NOW, PEPPER, Shelf, made, ring_of

UNKNOWN = "Incorrect API key provided. See keyhouse keys list, or create a new key."
THEN = "2027-01-15 08:00:00 UTC"


class CountingPeppers(Peppers):
    """Counts what is verified."""

    verified = 0

    def verify(self, value: str, pepper_id: str, digest: bytes) -> bool:
        self.verified += 1
        return super().verify(value, pepper_id, digest)


class Gate:
    """An authenticator on a shelf of secrets."""

    def __init__(self, shelf: Shelf, peppers: CountingPeppers, authenticator: Authenticator) -> None:
        self.shelf = shelf
        self.peppers = peppers
        self.authenticator = authenticator

    def put(self, **facts: Any) -> str:
        value, stored = made(self.peppers, **facts)
        self.shelf.secrets[stored.secret.public_id] = stored
        return value

    async def refusal(self, header: bytes | str | None, now: int = NOW) -> KeyhouseError:
        with pytest.raises(KeyhouseError) as refused:
            await self.authenticator.authenticate(bearer(header) if isinstance(header, str) else header, now)
        assert refused.value.code.status == 401
        return refused.value


def bearer(value: str) -> bytes:
    return b"Bearer " + value.encode()


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    shelf, peppers = Shelf(), CountingPeppers("p1", {"p1": PEPPER, "p0": bytes(32)})
    with ring_of(shelf) as ring:
        yield Gate(shelf, peppers, Authenticator(ring, peppers))


async def test_the_right_secret_is_its_keys_credential(gate: Gate) -> None:
    value = gate.put(key_id="key_alice")
    for header in (bearer(value), b"bearer " + value.encode(), b"BEARER   " + value.encode() + b"  "):
        assert (await gate.authenticator.authenticate(header, NOW)).key_id == "key_alice"
    assert len(gate.shelf.reads) == 1


async def test_no_header_is_told_how_to_send_one(gate: Gate) -> None:
    error = await gate.refusal(None)
    assert error.message.startswith("You didn't provide an API key. Send it in an Authorization header: ")


@pytest.mark.parametrize("name", ["revoked_at", "expires_at", "disabled_at", "quarantined_at", "valid_until"])
@pytest.mark.parametrize("warm", [True, False], ids=["held", "not held"])
async def test_what_became_of_a_key_is_told_to_who_holds_its_secret_alone(gate: Gate, name: str, warm: bool) -> None:
    value = gate.put(**{name: NOW})
    wanted = {
        "revoked_at": ("invalid_api_key", f"was revoked on {THEN} and stays so."),
        "expires_at": ("invalid_api_key", f"expired on {THEN}."),
        "disabled_at": ("api_key_disabled", "is disabled until its owner or an administrator enables it."),
        "quarantined_at": ("api_key_quarantined", "is quarantined until its owner or an administrator enables it."),
        "valid_until": ("invalid_api_key", f"was rotated, and the old secret ended on {THEN}; use the new one."),
    }[name]
    if warm:
        await gate.refusal(value)
    error = await gate.refusal(value)
    assert (error.code.code, error.message) == (
        wanted[0],
        f"The API key sk-kh_…{value[-4:]} ('Alice's laptop') {wanted[1]}",
    )
    assert (await gate.refusal(same_id_other_secret(value))).message == UNKNOWN


def same_id_other_secret(value: str) -> str:
    other = value[:-7] + ("x" if value[-7] != "x" else "y")
    return other + keyformat.checksum(other)


async def test_the_strongest_reason_is_told(gate: Gate) -> None:
    value = gate.put(revoked_at=NOW - 5, expires_at=NOW - 9, disabled_at=NOW - 9, valid_until=NOW - 9)
    assert "was revoked" in (await gate.refusal(value)).message


async def test_an_end_counts_from_its_very_second(gate: Gate) -> None:
    for name in ("expires_at", "valid_until"):
        value = gate.put(key_id=f"key_{name}", **{name: NOW})
        assert (await gate.authenticator.authenticate(bearer(value), NOW - 1)).key_id == f"key_{name}"
        await gate.refusal(value, NOW)


async def test_unknown_malformed_and_wrong_secrets_get_one_answer_at_the_cost_of_one_verification(gate: Gate) -> None:
    good = gate.put()
    await gate.authenticator.authenticate(bearer(good), NOW)
    wrong = [
        same_id_other_secret(good),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        mint(SecretKind.PROJECT).value,
        "hunter2",
        "sk-kh_" + "a" * 50,
        good.replace("sk-kh_", "sk-khsvc_"),
        "a" * keyformat.MAX_LENGTH,
    ]
    for value in wrong:
        before = gate.peppers.verified
        error = await gate.refusal(value)
        assert (error.code.code, error.message, error.headers) == ("invalid_api_key", UNKNOWN, ())
        assert gate.peppers.verified == before + 1


async def test_what_is_no_key_by_its_shape_reads_no_store(gate: Gate) -> None:
    for value in ("hunter2", "sk-proj-abc", "sk-kh_" + "a" * 50, mint(SecretKind.PROJECT).value[:-1] + "!"):
        await gate.refusal(value)
    assert gate.shelf.reads == []


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer  ",
        b"Basic eA==",
        b"sk-kh_x",
        b"Bearer\tx",
        b"Bearer k\xff",
        b"Bearer " + b"k" * 1_000_000,
    ],
    ids=range(9),
)
async def test_a_header_that_holds_no_key_is_as_wrong_as_a_wrong_key(gate: Gate, header: bytes) -> None:
    assert (await gate.refusal(header)).message == UNKNOWN


async def test_a_secret_under_a_pepper_that_is_gone_is_wrong(gate: Gate) -> None:
    value, stored = made(Peppers("lost", {"lost": PEPPER}))
    gate.shelf.secrets[stored.secret.public_id] = stored
    assert (await gate.refusal(value)).message == UNKNOWN


async def test_a_secret_under_an_older_pepper_is_right(gate: Gate) -> None:
    value, stored = made(Peppers("p0", {"p0": bytes(32)}))
    gate.shelf.secrets[stored.secret.public_id] = stored
    assert (await gate.authenticator.authenticate(bearer(value), NOW)).public_id == stored.secret.public_id


async def test_both_secrets_of_a_rotating_key_work_and_each_ends_by_itself(gate: Gate) -> None:
    old, new = gate.put(valid_until=NOW + 60), gate.put()
    for value in (old, new):
        assert (await gate.authenticator.authenticate(bearer(value), NOW + 59)).key_id == "key_1"
    assert "the old secret ended on" in (await gate.refusal(old, NOW + 60)).message
    assert (await gate.authenticator.authenticate(bearer(new), NOW + 10**6)).key_id == "key_1"


async def test_no_refusal_repeats_what_was_sent(gate: Gate) -> None:
    for value in ("hunter2-hunter2", mint(SecretKind.PROJECT).value, gate.put(revoked_at=NOW)):
        assert value not in (await gate.refusal(value)).message


async def test_an_admin_key_authenticates_like_any_other(gate: Gate) -> None:
    value = gate.put(kind=KeyKind.ADMIN, project_id=None)
    credential = await gate.authenticator.authenticate(bearer(value), NOW)
    assert (credential.kind, credential.project_id) == (KeyKind.ADMIN, "")


async def test_a_credential_holds_until_its_key_changes(gate: Gate) -> None:
    value = gate.put()
    credential = await gate.authenticator.authenticate(bearer(value), NOW)
    assert gate.authenticator.holds(credential)
    gate.authenticator._keyring.evict_key("key_1")
    assert not gate.authenticator.holds(credential)
    fresh = await gate.authenticator.authenticate(bearer(value), NOW)
    assert gate.authenticator.holds(fresh)
    assert not gate.authenticator.holds(credential), "what is held now is another one"
