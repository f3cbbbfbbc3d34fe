"""A gateway follows the feed of a real store: in order, once, and to the end before it says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from keyhouse.policy import changes
from keyhouse.policy.changes import ChangeFollower
from keyhouse.store.contract import ChangeKind
from keyhouse.store.sqlite import SqliteStore, open_sqlite


class House:
    """A store, and a follower that notes what it applies."""

    def __init__(self, store: SqliteStore, threads: ThreadPoolExecutor) -> None:
        self.store = store
        self.applied: list[tuple[ChangeKind, str]] = []
        self.failures = 0
        self.gate = asyncio.Event()
        self.gate.set()
        kinds = {kind: self._applying(kind) for kind in ChangeKind}
        with store.read() as tx:
            self.follower = ChangeFollower(store, kinds, threads, tx.changes.head())

    def change(self, kind: ChangeKind, object_id: str) -> int:
        with self.store.write() as tx:
            return tx.changes.append(kind, object_id)

    def _applying(self, kind: ChangeKind) -> changes.Apply:
        async def apply(object_id: str) -> None:
            await self.gate.wait()
            if self.failures:
                self.failures -= 1
                raise OSError("it cannot be applied now")
            self.applied.append((kind, object_id))

        return apply


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    with closing(open_sqlite(tmp_path / "house")) as store, ThreadPoolExecutor(2) as threads:
        with store.write() as tx:
            tx.changes.append(ChangeKind.KEY, "before the gateway started")
        yield House(store, threads)


async def test_changes_are_applied_in_order_and_in_force_when_through_returns(house: House) -> None:
    wanted = [
        (ChangeKind.KEY, "key_a"),
        (ChangeKind.PROJECT, "proj_a"),
        (ChangeKind.UPSTREAMS, ""),
        (ChangeKind.PRICES, ""),
    ]
    seq = [house.change(*one) for one in wanted][-1]
    await house.follower.through(seq)
    assert house.applied == wanted
    assert house.follower.seq == seq


async def test_what_was_before_the_start_is_not_applied_again(house: House) -> None:
    await house.follower.through(house.follower.seq)
    assert house.applied == []


async def test_through_waits_until_the_change_is_applied(house: House) -> None:
    house.gate.clear()
    waiting = asyncio.create_task(house.follower.through(house.change(ChangeKind.KEY, "key_a")))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    house.gate.set()
    await waiting
    assert house.applied == [(ChangeKind.KEY, "key_a")]


async def test_commands_at_the_same_time_have_each_change_applied_once(house: House) -> None:
    seqs = [house.change(ChangeKind.KEY, f"key_{n}") for n in range(20)]
    await asyncio.gather(*map(house.follower.through, reversed(seqs)))
    assert house.applied == [(ChangeKind.KEY, f"key_{n}") for n in range(20)]


async def test_more_changes_than_one_look_reads_are_all_applied(house: House) -> None:
    with house.store.write() as tx:
        seq = [tx.changes.append(ChangeKind.KEY, f"key_{n}") for n in range(3_000)][-1]
    await house.follower.through(seq)
    assert len(house.applied) == 3_000


async def test_a_change_that_cannot_be_applied_is_not_passed_over(house: House) -> None:
    first, second = house.change(ChangeKind.KEY, "key_a"), house.change(ChangeKind.KEY, "key_b")
    house.failures = 1
    with pytest.raises(OSError, match="cannot be applied"):
        await house.follower.through(second)
    assert (house.applied, house.follower.seq) == ([], first - 1)
    await house.follower.through(second)
    assert house.applied == [(ChangeKind.KEY, "key_a"), (ChangeKind.KEY, "key_b")]


async def test_a_change_that_nobody_told_of_is_found_and_one_failed_look_is_not_the_last(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "POLL_SECONDS", 0.01)
    house.failures = 3
    house.change(ChangeKind.PRICES, "")
    following = asyncio.create_task(house.follower.follow())
    async with asyncio.timeout(5):
        while not house.applied:
            await asyncio.sleep(0.01)
    following.cancel()
    assert (house.applied, house.failures) == ([(ChangeKind.PRICES, "")], 0)


async def test_a_change_is_seen_however_it_came_into_the_store(house: House, tmp_path: Path) -> None:
    with closing(open_sqlite(tmp_path / "house")) as elsewhere, elsewhere.write() as tx:
        seq = tx.changes.append(ChangeKind.KEY, "key_of_a_command")
    await house.follower.through(seq)
    assert house.applied == [(ChangeKind.KEY, "key_of_a_command")]
