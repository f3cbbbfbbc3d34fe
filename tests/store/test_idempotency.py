"""Claims of idempotency keys: one holder at a time, ended once, gone in time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keyhouse.domain.data_retention import Retention
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.idempotency import WINDOW_SECONDS, Claim, ClaimState, First
from keyhouse.domain.projects import Project
from keyhouse.store.contract import Store
from keyhouse.store.sqlite import open_sqlite
from tests.store.makers import ORG, OTHER_ORG, OTHER_PROJECT, PROJECT, make_key

NOW = 1_800_000_000
HERE, BEFORE = "gateway-2", "gateway-1"
ANSWER = b"\x00sealed\xff"


def make_claim(request_id: str = "req_1", at: int = NOW, **changes: str | bytes) -> Claim:
    claim = Claim(ORG, "key_000001", b"\x00\xff" * 16, b"\x01" * 32, request_id, at)
    return replace(claim, **changes)  # type: ignore[arg-type] # fields of several types


def claimed(store: Store, claim: Claim, holder: str = HERE) -> First | None:
    with store.write() as transaction:
        return transaction.idempotency.claim(claim, holder)


def keep(store: Store, claim: Claim, answer: bytes | None) -> None:
    with store.write() as transaction:
        transaction.idempotency.keep(claim, answer)


def release(store: Store, claim: Claim) -> None:
    with store.write() as transaction:
        transaction.idempotency.release(claim)


def purge(store: Store, now: int, limit: int) -> int:
    with store.write() as transaction:
        return transaction.idempotency.purge(now, limit)


def test_a_claim_is_taken_once(store: Store) -> None:
    assert claimed(store, make_claim("req_1")) is None
    first = First("req_1", b"\x01" * 32, ClaimState.RUNNING, None)
    assert claimed(store, make_claim("req_2", body_digest=b"\x02" * 32)) == first
    assert claimed(store, make_claim("req_3", key_id="key_000002")) is None
    assert claimed(store, make_claim("req_4", digest=b"\x03" * 32)) is None


def test_a_kept_answer_is_there_for_a_day_and_not_a_second_longer(store: Store) -> None:
    claimed(store, make_claim())
    keep(store, make_claim(), ANSWER)
    kept = First("req_1", b"\x01" * 32, ClaimState.KEPT, ANSWER)
    assert claimed(store, make_claim("req_2", NOW + WINDOW_SECONDS - 1)) == kept
    assert claimed(store, make_claim("req_3", NOW + WINDOW_SECONDS)) is None
    assert claimed(store, make_claim("req_4", NOW + WINDOW_SECONDS)) == First(
        "req_3", b"\x01" * 32, ClaimState.RUNNING, None
    )


def test_an_answer_that_is_not_kept_is_told_from_one_that_is_not_there_yet(store: Store) -> None:
    claimed(store, make_claim())
    keep(store, make_claim(), None)
    assert claimed(store, make_claim("req_2")) == First("req_1", b"\x01" * 32, ClaimState.UNKEPT, None)


def test_a_released_claim_can_be_taken_again(store: Store) -> None:
    claimed(store, make_claim())
    release(store, make_claim())
    assert claimed(store, make_claim("req_2")) is None


@pytest.mark.parametrize("end", [lambda s, c: keep(s, c, b"late"), release])
def test_only_the_holder_ends_a_claim(store: Store, end: Callable[[Store, Claim], None]) -> None:
    claimed(store, make_claim("req_1"))
    later = make_claim("req_2", NOW + WINDOW_SECONDS)
    claimed(store, later)
    end(store, make_claim("req_1"))
    assert claimed(store, make_claim("req_3", later.claimed_at)) == First(
        "req_2", b"\x01" * 32, ClaimState.RUNNING, None
    )


@pytest.mark.parametrize("end", [lambda s, c: keep(s, c, None), release])
def test_a_claim_is_ended_once(store: Store, end: Callable[[Store, Claim], None]) -> None:
    claimed(store, make_claim())
    keep(store, make_claim(), ANSWER)
    end(store, make_claim())
    assert claimed(store, make_claim("req_2")) == First("req_1", b"\x01" * 32, ClaimState.KEPT, ANSWER)


def test_only_running_claims_of_other_gateways_are_released(store: Store) -> None:
    running, kept, unkept, ours = (make_claim(f"req_{n}", digest=bytes([n]) * 32) for n in range(4))
    for claim in (running, kept, unkept):
        claimed(store, claim, BEFORE)
    claimed(store, ours)
    keep(store, kept, ANSWER)
    keep(store, unkept, None)
    with store.write() as transaction:
        assert transaction.idempotency.release_of_others(HERE) == 1
    assert claimed(store, replace(running, request_id="req_9")) is None
    states = [first and first.state for first in (claimed(store, claim) for claim in (kept, unkept, ours))]
    assert states == [ClaimState.KEPT, ClaimState.UNKEPT, ClaimState.RUNNING]


def test_expired_claims_are_purged_in_bounded_pieces_earliest_first(store: Store) -> None:
    for n in range(5):
        claimed(store, make_claim(f"req_{n}", NOW + n, digest=bytes([n]) * 32))
    keep(store, make_claim("req_0", digest=bytes(32)), ANSWER)
    end = NOW + WINDOW_SECONDS + 3
    assert [purge(store, end, 3), purge(store, end, 3), purge(store, end, 3)] == [3, 1, 0]
    assert claimed(store, make_claim("req_9", NOW, digest=b"\x04" * 32)) is not None
    assert claimed(store, make_claim("req_9", NOW, digest=b"\x00" * 32)) is None


def test_of_two_processes_at_once_one_takes_it(store: Store, opener: Callable[[], Store]) -> None:
    houses = [store, opener()]
    barrier, taken = threading.Barrier(8), []

    def race(number: int) -> None:
        for round_ in range(10):
            barrier.wait()
            if claimed(houses[number % 2], make_claim(f"req_{number}", digest=bytes([round_]) * 32)) is None:
                taken.append(round_)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(10))


def test_a_claim_of_no_organization_is_refused(store: Store) -> None:
    with pytest.raises(KeyhouseError) as caught:
        claimed(store, make_claim(organization_id="org-nobody"))
    assert caught.value.code is ErrorCode.CONFLICT
    assert claimed(store, make_claim(organization_id=OTHER_ORG)) is None


def test_a_backup_holds_kept_answers(store: Store, tmp_path: Path) -> None:
    answers = [bytes([n]) * 100_000 for n in range(40)]
    for n, answer in enumerate(answers):
        claim = make_claim(f"req_{n}", digest=bytes([n]) * 32)
        claimed(store, claim)
        keep(store, claim, answer)
    store.backup(tmp_path / "backup")
    copy = open_sqlite(tmp_path / "backup")
    found = [claimed(copy, make_claim("req_x", digest=bytes([n]) * 32)) for n in range(40)]
    copy.close()
    assert [first and first.answer for first in found] == answers


def test_what_was_kept_of_a_project_is_forgotten_and_the_fact_stays(store: Store) -> None:
    here, there, elsewhere = (make_claim(f"req_{n}", key_id=f"key_00000{n}") for n in (1, 2, 3))
    with store.write() as transaction:
        transaction.keys.add(make_key(1))
        transaction.keys.add(make_key(2, project_id=OTHER_PROJECT))
        transaction.keys.add(make_key(3, project_id=OTHER_PROJECT))
    for claim in (here, there, elsewhere):
        claimed(store, claim)
    keep(store, here, ANSWER)
    keep(store, there, ANSWER)
    assert _forget(store, PROJECT) == 1
    again = [claimed(store, replace(claim, request_id="req_9")) for claim in (here, there, elsewhere)]
    assert [(first and first.state, first and first.answer) for first in again] == [
        (ClaimState.UNKEPT, None),
        (ClaimState.KEPT, ANSWER),
        (ClaimState.RUNNING, None),
    ]
    assert _forget(store, PROJECT) == 0


def test_what_the_organization_forgets_leaves_projects_with_a_retention_of_their_own(store: Store) -> None:
    with store.write() as transaction:
        transaction.keys.add(make_key(1))
        transaction.keys.add(make_key(2, project_id=OTHER_PROJECT))
        transaction.projects.save(Project(PROJECT, ORG, "Default", 100, data_retention=Retention.NONE))
    for number in (1, 2):
        claim = make_claim(key_id=f"key_00000{number}")
        claimed(store, claim)
        keep(store, claim, ANSWER)
    with store.write() as transaction:
        assert transaction.idempotency.forget(OTHER_ORG, None) == 0
    assert _forget(store, None) == 1
    first = claimed(store, make_claim("req_9"))
    assert first is not None
    assert first.state is ClaimState.KEPT


def _forget(store: Store, project_id: str | None) -> int:
    with store.write() as transaction:
        return transaction.idempotency.forget(ORG, project_id)
