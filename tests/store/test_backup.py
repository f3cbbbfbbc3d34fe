"""Backups: whole, private, and consistent while others write."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.store.contract import ChangeKind, KeyFilter, Page, RollupFilter, Store, Width
from keyhouse.store.sqlite import open_sqlite
from tests.store.makers import (
    ORG,
    make_event,
    make_key,
    make_price,
    make_refusal,
    make_row,
    make_upstream,
    rollup_key,
    rollup_sums,
)


def test_a_backup_holds_everything_and_opens_as_a_house(store: Store, tmp_path: Path) -> None:
    fill(store)
    store.backup(tmp_path / "backup")
    copy = open_sqlite(tmp_path / "backup")
    assert facts(copy) == facts(store)
    assert [found.row for found in copy.ledger.since(0)] == [found.row for found in store.ledger.since(0)]
    with copy.write() as transaction:
        transaction.prices.add([make_price("price_new", "gpt-4o", 9)])
    copy.close()


def test_a_backup_is_for_its_owner_alone_and_holds_nothing_else(store: Store, tmp_path: Path) -> None:
    store.backup(tmp_path / "backup")
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "backup").iterdir()}
    assert found == {"keyhouse.db": 0o600, "ledger.db": 0o600}
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(mode=0o755)
    (tmp_path / "mine" / "letter").write_text("dear bob")
    with pytest.raises(KeyhouseError, match="not empty") as caught:
        store.backup(tmp_path / "mine")
    assert caught.value.code is ErrorCode.CONFLICT
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter"]
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o755


def test_an_existing_empty_folder_is_taken(store: Store, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir(mode=0o755)
    store.backup(tmp_path / "backup")
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700


def test_what_is_rolled_up_is_in_the_copied_ledger_while_others_write(store: Store, tmp_path: Path) -> None:
    stop, appended = threading.Event(), threading.Event()

    def append_and_roll_up() -> None:
        number = 0
        while not stop.is_set():
            store.ledger.append([make_row(f"req_{number}_{n}") for n in range(20)])
            with store.write() as transaction:
                rows = store.ledger.since(transaction.rollups.mark())
                transaction.rollups.apply(rows[-1].seq, {rollup_key(): rollup_sums(len(rows))})
            number += 1
            appended.set()

    writer = threading.Thread(target=append_and_roll_up)
    writer.start()
    assert appended.wait(10)
    for number in range(4):
        store.backup(tmp_path / f"backup{number}")
    stop.set()
    writer.join(10)
    for number in range(4):
        copy = open_sqlite(tmp_path / f"backup{number}")
        with copy.read() as transaction:
            [(_, sums)] = transaction.rollups.sum(Width.HOUR, RollupFilter(ORG, 0, 1), ())
            mark = transaction.rollups.mark()
        rolled_up = [found for found in copy.ledger.since(0, 10**6) if found.seq <= mark]
        assert len(rolled_up) == sums.requests > 0
        assert rolled_up[-1].seq == mark
        copy.close()


def test_writers_do_not_wait_for_a_backup_nor_it_for_them(store: Store, tmp_path: Path) -> None:
    fill(store)
    with store.write() as transaction:
        transaction.changes.append(ChangeKind.PRICES, "")
        store.backup(tmp_path / "backup")
    copy = open_sqlite(tmp_path / "backup")
    with copy.read() as transaction:
        assert transaction.changes.head() == 1
    copy.close()


def fill(store: Store) -> None:
    with store.write() as transaction:
        for number in range(30):
            transaction.keys.add(make_key(number))
            transaction.audit.append(make_event(number))
        transaction.upstreams.add(make_upstream("openai"))
        transaction.prices.add(make_price(f"price_{n}", f"model-{n}", n) for n in range(3000))
        transaction.changes.append(ChangeKind.KEY, "key_000001")
        transaction.rollups.apply(7, {rollup_key(): rollup_sums(), rollup_key(90000): rollup_sums()})
        transaction.rollups.fold(3600)
        transaction.refusals.append([make_refusal(1)], keep=10)
    store.ledger.append([make_row(f"req_{n}", client_request_id="é\n") for n in range(3000)])


def facts(store: Store) -> list[object]:
    with store.read() as transaction:
        return [
            transaction.organizations.all(),
            transaction.projects.list(ORG, Page()),
            transaction.people.owners(ORG),
            transaction.keys.list(ORG, KeyFilter(), Page(limit=1000)),
            transaction.upstreams.all(),
            transaction.prices.versions(),
            transaction.audit.list(ORG, Page(limit=1000)),
            transaction.changes.since(0),
            transaction.rollups.sum(Width.DAY, RollupFilter(ORG, 0, 90001), ("model",)),
            transaction.rollups.mark(),
            transaction.rollups.folded_before(),
            transaction.refusals.newest(ORG),
        ]
