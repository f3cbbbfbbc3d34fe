"""The feed of changes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from keyhouse.store.contract import Change, ChangeKind, Store
from tests.store.conftest import Reopen


def test_changes_are_read_in_their_order_from_where_one_was(store: Store) -> None:
    with store.write() as transaction:
        assert transaction.changes.head() == 0
        first = transaction.changes.append(ChangeKind.KEY, "key_1")
        second = transaction.changes.append(ChangeKind.PRICES, "")
        third = transaction.changes.append(ChangeKind.PROJECT, "proj_1")
    assert 0 < first < second < third
    with store.read() as transaction:
        assert transaction.changes.head() == third
        assert transaction.changes.since(first) == [
            Change(second, ChangeKind.PRICES, ""),
            Change(third, ChangeKind.PROJECT, "proj_1"),
        ]
        assert len(transaction.changes.since(0, limit=2)) == 2
        assert transaction.changes.since(third) == []


def test_a_change_undone_is_not_in_the_feed(store: Store) -> None:
    with suppress(ZeroDivisionError), store.write() as transaction:
        transaction.changes.append(ChangeKind.KEY, "key_1")
        raise ZeroDivisionError
    with store.write() as transaction:
        seq = transaction.changes.append(ChangeKind.KEY, "key_2")
    with store.read() as transaction:
        assert transaction.changes.since(0) == [Change(seq, ChangeKind.KEY, "key_2")]


def test_a_reader_who_follows_the_feed_misses_none_of_many_writers_changes(store: Store, opener: Reopen) -> None:
    """What seq in commit order is for: with numbers taken before their turn, a follower would step over the slow ones."""
    stores, done, seen = [store, opener()], threading.Event(), []

    def write(number: int) -> None:
        with stores[number % 2].write() as transaction:
            transaction.changes.append(ChangeKind.KEY, f"key_{number}")

    def follow() -> None:
        last = 0
        while True:
            ended = done.is_set()
            with store.read() as transaction:
                for change in transaction.changes.since(last):
                    last = change.seq
                    seen.append(change.object_id)
            if ended:
                return

    follower = threading.Thread(target=follow)
    follower.start()
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(120)))
    done.set()
    follower.join(20)
    assert sorted(seen) == sorted(f"key_{number}" for number in range(120))


def test_the_last_change_is_that_of_the_feed(store: Store, opener: Reopen) -> None:
    assert store.last_change() == 0
    with opener().write() as transaction:
        seq = transaction.changes.append(ChangeKind.KEY, "key_1")
        assert store.last_change() == 0  # it is not committed yet
    assert store.last_change() == seq
