"""Transactions: all or nothing, one writer at a time, and readers who see one moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.projects import Organization, Project
from keyhouse.store import postgres, sqlite
from keyhouse.store.contract import ChangeKind, Page, Store, Transaction
from tests.store.conftest import Reopen
from tests.store.makers import ORG, PROJECT, make_upstream


def test_what_is_written_is_there_for_the_next_process(store: Store, opener: Reopen) -> None:
    with opener().read() as transaction:
        assert [organization.name for organization in transaction.organizations.all()] == ["House", "Other"]


def test_an_exception_undoes_the_whole_transaction(store: Store) -> None:
    with suppress(ZeroDivisionError), store.write() as transaction:
        transaction.organizations.add(Organization("org-3", "Third", 3))
        transaction.changes.append(ChangeKind.PRICES, "")
        raise ZeroDivisionError
    with store.read() as transaction:
        assert transaction.organizations.get("org-3") is None
        assert transaction.changes.head() == 0


def test_a_reader_sees_nothing_that_is_not_committed(store: Store) -> None:
    with store.write() as writer:
        writer.organizations.add(Organization("org-3", "Third", 3))
        with store.read() as reader:
            assert reader.organizations.get("org-3") is None


def test_a_reader_sees_the_same_moment_throughout(store: Store) -> None:
    with store.read() as reader:
        assert reader.changes.head() == 0
        with store.write() as writer:
            writer.organizations.add(Organization("org-3", "Third", 3))
            writer.changes.append(ChangeKind.PRICES, "")
        assert reader.organizations.get("org-3") is None
        assert reader.changes.head() == 0
    with store.read() as reader:
        assert reader.changes.head() > 0


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match=r"read.?only"), store.read() as transaction:
        transaction.organizations.add(Organization("org-3", "Third", 3))
    with store.read() as transaction:
        assert transaction.organizations.get("org-3") is None


def test_writers_wait_for_each_other_so_that_no_update_is_lost(store: Store, opener: Reopen) -> None:
    """Two processes' worth of writers, each reading what it then overwrites."""
    stores = [store, opener()]

    def rename(number: int) -> None:
        with stores[number % 2].write() as transaction:
            project = transaction.projects.get(ORG, PROJECT)
            assert project is not None
            count = int(project.name) if project.name.isdigit() else 0
            transaction.projects.save(Project(PROJECT, ORG, str(count + 1), 100, is_default=True))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(rename, range(80)))
    with store.read() as transaction:
        project = transaction.projects.get(ORG, PROJECT)
    assert project is not None
    assert project.name == "80"


def test_a_second_writer_enters_only_when_the_first_has_left(store: Store, opener: Reopen) -> None:
    other, entered, order = opener(), threading.Event(), []

    def second() -> None:
        entered.set()
        with other.write() as transaction:
            order.append("second in")
            assert transaction.organizations.get("org-3") is not None

    with store.write() as transaction:
        thread = threading.Thread(target=second)
        thread.start()
        assert entered.wait(5)
        thread.join(0.2)
        transaction.organizations.add(Organization("org-3", "Third", 3))
        order.append("first out")
    thread.join(5)
    assert order == ["first out", "second in"]


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    with store.write() as writer:
        writer.changes.append(ChangeKind.PRICES, "")
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(_count_organizations, store).result(timeout=3) == 2


def test_a_writer_that_waits_in_vain_is_told_that_the_store_is_unavailable(
    store: Store, opener: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
    monkeypatch.setitem(postgres.WRITER_SETTINGS, "lock_timeout", "200ms")
    other = opener()
    with store.write(), pytest.raises(KeyhouseError) as caught, other.write():
        pytest.fail("two writers at once")
    assert caught.value.code is ErrorCode.STORE_UNAVAILABLE
    with other.write() as transaction:
        transaction.changes.append(ChangeKind.PRICES, "")


def test_what_contradicts_the_stored_facts_is_a_conflict(store: Store) -> None:
    with store.write() as transaction:
        transaction.upstreams.add(make_upstream("openai"))
    contradictions: list[Callable[[Transaction], None]] = [
        lambda t: t.upstreams.add(make_upstream("openai")),
        lambda t: t.organizations.add(Organization(ORG, "Again", 1)),
        lambda t: t.projects.add(Project("proj_lost", "org-nobody", "Lost", 1)),
    ]
    for contradiction in contradictions:
        with pytest.raises(KeyhouseError) as caught, store.write() as transaction:
            contradiction(transaction)
        assert caught.value.code is ErrorCode.CONFLICT
    with store.read() as transaction:
        assert len(transaction.upstreams.all()) == 1


def test_text_that_no_database_takes_is_refused_on_every_one(store: Store) -> None:
    for text in ("a\x00b", "half \ud800"):
        with pytest.raises(KeyhouseError) as caught, store.read() as transaction:
            transaction.projects.get(ORG, text)
        assert caught.value.code is ErrorCode.INVALID_VALUE
    with store.write() as transaction:
        transaction.organizations.add(Organization("org-é", "Zoë 🔑 ﷽", 3))
    with store.read() as transaction:
        assert transaction.organizations.get("org-é") == Organization("org-é", "Zoë 🔑 ﷽", 3)


def test_a_page_has_at_most_a_thousand_items(store: Store) -> None:
    with store.read() as transaction:
        nothing = transaction.projects.list(ORG, Page(limit=0))
    assert nothing.items == ()
    assert nothing.has_more
    for limit in (-1, 1001):
        with pytest.raises(KeyhouseError) as caught, store.read() as transaction:
            transaction.projects.list(ORG, Page(limit=limit))
        assert caught.value.param == "limit"


def _count_organizations(store: Store) -> int:
    with store.read() as transaction:
        return len(transaction.organizations.all())
