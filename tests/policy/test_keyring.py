"""What the gate holds of secrets: bounded, filled once on a miss, and never older than the last change."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyhouse.policy.keyring import credential_of
from keyhouse.policy.peppers import Peppers
from keyhouse.store.contract import KeyRing as StoredSecret
from tests.policy.credentials import NOW, PEPPER, Shelf, made, ring_of

PEPPERS = Peppers("p1", {"p1": PEPPER})


def some(count: int, **facts: object) -> list[StoredSecret]:
    return [made(PEPPERS, f"key_{n}", **facts)[1] for n in range(count)]


def ids(stored: list[StoredSecret]) -> list[str]:
    return [one.secret.public_id for one in stored]


def assert_set(gate: threading.Event) -> None:
    assert gate.wait(5)


async def test_a_miss_reads_the_store_and_a_hit_does_not() -> None:
    (stored,) = some(1)
    shelf = Shelf(stored)
    with ring_of(shelf) as ring:
        assert ring.get(stored.secret.public_id) is None
        loaded = await ring.load(stored.secret.public_id)
        assert loaded is not None
        assert ring.get(stored.secret.public_id) is loaded
        assert (loaded.key_id, loaded.digest, len(ring)) == ("key_0", stored.secret.digest, 1)
        assert shelf.reads == [stored.secret.public_id]


async def test_an_unknown_secret_is_not_held() -> None:
    with ring_of(Shelf()) as ring:
        for n in range(50):
            assert await ring.load(f"unknown{n:05d}") is None
        assert len(ring) == 0


async def test_the_ring_is_bounded_and_the_least_recently_used_leaves() -> None:
    stored = some(5)
    a, b, c, d, e = ids(stored)
    shelf = Shelf(*stored)
    with ring_of(shelf, size=3) as ring:
        for public_id in (a, b, c):
            await ring.load(public_id)
        assert ring.get(a) is not None
        await ring.load(d)
        assert [public_id for public_id in (a, b, c, d) if ring.get(public_id)] == [a, c, d]
        await ring.load(e)
        assert ring.get(a) is None
        assert len(ring) == 3


async def test_concurrent_misses_of_one_secret_share_the_read() -> None:
    (stored,) = some(1)
    shelf, gate = Shelf(stored), threading.Event()
    shelf.before_answer = lambda: assert_set(gate)
    with ring_of(shelf) as ring:
        waiting = [asyncio.create_task(ring.load(stored.secret.public_id)) for _ in range(50)]
        await asyncio.sleep(0.02)
        waiting[0].cancel()
        gate.set()
        found = await asyncio.gather(*waiting[1:])
        assert waiting[0].cancelled(), "one that gives up takes nobody with it"
        assert len(shelf.reads) == 1
        assert all(one is found[0] and one is not None for one in found)


@pytest.mark.parametrize("change", ["key", "project", "another key"])
async def test_a_change_during_a_read_makes_it_read_again(change: str) -> None:
    (stored,) = some(1)
    newer = StoredSecret(stored.key, stored.secret, project_archived=True)
    shelf, began, gate = Shelf(stored), threading.Event(), threading.Event()

    def hold_back_the_first() -> None:
        if len(shelf.reads) == 1:
            began.set()
            gate.wait(5)

    shelf.before_answer = hold_back_the_first
    with ring_of(shelf) as ring:
        loading = asyncio.create_task(ring.load(stored.secret.public_id))
        await asyncio.to_thread(began.wait, 5)
        shelf.secrets[stored.secret.public_id] = newer
        if change == "project":
            ring.evict_project(str(stored.key.project_id))
        else:
            ring.evict_key("key_0" if change == "key" else "key_other")
        gate.set()
        found = await loading
        assert found is not None
        assert found.project_archived, "what was read before the change is not trusted after it"
        assert len(shelf.reads) == 2
        assert ring.get(stored.secret.public_id) is found


async def test_every_secret_of_a_key_leaves_together_and_no_other() -> None:
    (_, old), (_, new), (_, other) = made(PEPPERS, "key_a"), made(PEPPERS, "key_a"), made(PEPPERS, "key_b")
    with ring_of(Shelf(old, new, other)) as ring:
        for one in (old, new, other):
            await ring.load(one.secret.public_id)
        ring.evict_key("key_a")
        assert [ring.get(one.secret.public_id) is not None for one in (old, new, other)] == [False, False, True]
        ring.evict_key("key_a")
        ring.evict_key("key_nobody")
        assert len(ring) == 1


async def test_every_secret_of_a_project_leaves_together_and_no_other() -> None:
    stored = [made(PEPPERS, f"key_{n}", project_id=f"proj_{n % 2}")[1] for n in range(6)]
    with ring_of(Shelf(*stored)) as ring:
        for public_id in ids(stored):
            await ring.load(public_id)
        ring.evict_project("proj_1")
        assert [ring.get(public_id) is not None for public_id in ids(stored)] == [True, False] * 3


async def test_a_store_that_fails_fails_the_call_and_not_the_next_one() -> None:
    (stored,) = some(1)
    shelf = Shelf(stored)
    shelf.failure = OSError("the disk is on fire")
    with ring_of(shelf) as ring:
        with pytest.raises(OSError, match="on fire"):
            await ring.load(stored.secret.public_id)
        shelf.failure = None
        assert await ring.load(stored.secret.public_id) is not None


@given(
    st.lists(st.tuples(st.sampled_from(["load", "get", "evict_key", "evict_project"]), st.integers(0, 7)), max_size=40)
)
@settings(max_examples=40, deadline=None)
def test_whatever_happens_the_ring_is_bounded_and_forgets_what_was_evicted(steps: list[tuple[str, int]]) -> None:
    stored = [made(PEPPERS, f"key_{n // 2}", project_id=f"proj_{n // 4}")[1] for n in range(8)]

    async def walk() -> None:
        with ring_of(Shelf(*stored), size=3) as ring:
            for step, n in steps:
                one = stored[n]
                if step == "load":
                    assert await ring.load(one.secret.public_id) is not None
                elif step == "get":
                    ring.get(one.secret.public_id)
                elif step == "evict_key":
                    ring.evict_key(one.key.id)
                    assert all(ring.get(s.secret.public_id) is None for s in stored if s.key.id == one.key.id)
                else:
                    ring.evict_project(str(one.key.project_id))
                    assert all(
                        ring.get(s.secret.public_id) is None for s in stored if s.key.project_id == one.key.project_id
                    )
                assert len(ring) <= 3
                assert sum(map(len, ring._by_key.values())) == len(ring), "the index by key holds nothing else"

    asyncio.run(walk())


def test_a_credential_ends_with_its_key_or_its_secret_whichever_is_first() -> None:
    for expires, valid, end in (
        (None, None, None),
        (NOW, None, NOW),
        (None, NOW, NOW),
        (NOW, NOW + 1, NOW),
        (NOW + 1, NOW, NOW),
    ):
        _, stored = made(PEPPERS, expires_at=expires, valid_until=valid)
        assert credential_of(stored).valid_until == end


@pytest.mark.parametrize("mark", ["revoked_at", "disabled_at", "quarantined_at"])
def test_a_key_out_of_use_is_not_usable(mark: str) -> None:
    out: dict[str, Any] = {mark: NOW}
    assert not credential_of(made(PEPPERS, **out)[1]).usable
    assert credential_of(made(PEPPERS)[1]).usable


def test_a_credential_shows_no_digest() -> None:
    _, stored = made(PEPPERS)
    assert repr(stored.secret.digest) not in repr(credential_of(stored))
