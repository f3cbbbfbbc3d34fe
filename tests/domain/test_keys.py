"""The one state machine of a key's life, as a table: every status, every verb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain import keys as life
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import Key, KeyKind, KeySecret, KeyStatus

NOW = 1_800_000_000
ALICES = Key("key_1", KeyKind.USER, "org-1", "proj_1", "user-alice", None, "Alice's laptop", NOW - 1000)
IN = {
    KeyStatus.ACTIVE: ALICES,
    KeyStatus.DISABLED: replace(ALICES, disabled_at=NOW - 10),
    KeyStatus.QUARANTINED: replace(ALICES, quarantined_at=NOW - 10),
    KeyStatus.EXPIRED: replace(ALICES, expires_at=NOW),
    KeyStatus.REVOKED: replace(ALICES, revoked_at=NOW - 10),
}
A, D, Q, E, R = KeyStatus.ACTIVE, KeyStatus.DISABLED, KeyStatus.QUARANTINED, KeyStatus.EXPIRED, KeyStatus.REVOKED
REFUSED = None


def changed(key: Key, now: int) -> Key:
    life.require_changeable(key, now)
    return key


def rotated(key: Key, now: int) -> Key:
    life.require_rotatable(key, now)
    return key


Verb = Callable[[Key, int], Key]
TABLE: dict[Verb, dict[KeyStatus, KeyStatus | None]] = {
    life.disabled: {A: D, D: D, Q: Q, E: REFUSED, R: REFUSED},
    life.enabled: {A: A, D: A, Q: A, E: REFUSED, R: REFUSED},
    life.quarantined: {A: Q, D: Q, Q: Q, E: REFUSED, R: REFUSED},
    life.revoked: {A: R, D: R, Q: R, E: R, R: R},
    life.deleted: {A: R, D: R, Q: R, E: R, R: R},
    changed: {A: A, D: D, Q: Q, E: REFUSED, R: REFUSED},
    rotated: {A: A, D: REFUSED, Q: REFUSED, E: REFUSED, R: REFUSED},
}
CASES = [
    pytest.param(verb, before, after, id=f"{verb.__name__} when {before.value}")
    for verb, row in TABLE.items()
    for before, after in row.items()
]


@pytest.mark.parametrize(("verb", "before", "after"), CASES)
def test_every_verb_in_every_status(verb: Verb, before: KeyStatus, after: KeyStatus | None) -> None:
    assert IN[before].status(NOW) is before
    if after is not REFUSED:
        assert verb(IN[before], NOW).status(NOW) is after
        return
    with pytest.raises(KeyhouseError) as refused:
        verb(IN[before], NOW)
    assert refused.value.code is ErrorCode.CONFLICT
    assert before.value in refused.value.message
    assert "key_1" in refused.value.message


@pytest.mark.parametrize(
    ("verb", "status"), [(life.disabled, D), (life.quarantined, Q), (life.revoked, R), (life.deleted, R)]
)
def test_a_verb_that_changes_nothing_keeps_the_first_time(verb: Verb, status: KeyStatus) -> None:
    changed = verb(IN[status], NOW - 1)
    assert verb(changed, NOW) is changed
    assert verb is life.deleted or changed is IN[status]


def test_a_key_out_of_use_can_be_enabled_first_and_a_dead_one_only_replaced() -> None:
    for status, advice in (
        (D, "enable it first"),
        (Q, "enable it first"),
        (E, "create a new key"),
        (R, "create a new key"),
    ):
        with pytest.raises(KeyhouseError, match=advice):
            life.require_rotatable(IN[status], NOW)


times = st.none() | st.integers(NOW - 5, NOW + 5)


@given(disabled=times, quarantined=times, revoked=times, expires=times)
def test_the_strongest_status_shows(
    disabled: int | None, quarantined: int | None, revoked: int | None, expires: int | None
) -> None:
    key = replace(ALICES, disabled_at=disabled, quarantined_at=quarantined, revoked_at=revoked, expires_at=expires)
    marks = [
        (R, revoked),
        (E, expires if expires is not None and expires <= NOW else None),
        (Q, quarantined),
        (D, disabled),
    ]
    assert key.status(NOW) is next((status for status, mark in marks if mark is not None), A)


def test_a_key_expires_at_its_very_second_and_not_before() -> None:
    key = replace(ALICES, expires_at=NOW)
    assert key.status(NOW - 1) is A
    assert key.status(NOW) is E


def test_a_revoked_key_stays_revoked_after_its_expiry() -> None:
    assert replace(IN[R], expires_at=NOW - 5).status(NOW) is R
    assert life.revoked(IN[E], NOW).status(NOW) is R


def test_a_key_is_known_by_its_newest_secrets_redacted_form() -> None:
    old, new = (KeySecret(f"pub{n}", "key_1", b"d" * 32, "pep_1", f"sk-kh_…{n}", NOW + n) for n in (1, 2))
    assert replace(ALICES, secrets=(new, old)).redacted == "sk-kh_…2"
    assert ALICES.redacted == ""
