"""PostgreSQL goes away and comes back."""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Iterator

import pytest

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.store.contract import ChangeKind, LedgerUnavailable
from keyhouse.store.postgres import PostgresStore, open_postgres
from tests.fixtures.postgres import PostgresServer, postgres_server
from tests.store.makers import make_row


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One of its own: stopping the session's would disturb everybody."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def house(server: PostgresServer) -> Iterator[PostgresStore]:
    name = server.create()
    store = open_postgres(server.url(name))
    yield store
    store.close()


def test_a_ledger_without_its_server_is_unavailable_and_recovers_by_itself(
    server: PostgresServer, house: PostgresStore
) -> None:
    house.ledger.append([make_row("req_0")])
    server.stop()
    for _ in range(2):
        with pytest.raises(LedgerUnavailable):
            house.ledger.append([make_row("req_1")])
    server.start()
    house.ledger.append([make_row("req_1")])
    assert [found.row.request_id for found in house.ledger.since(0)] == ["req_0", "req_1"]


def test_a_store_without_its_server_says_so_and_recovers_by_itself(
    server: PostgresServer, house: PostgresStore
) -> None:
    with house.write() as transaction:
        transaction.changes.append(ChangeKind.PRICES, "")
    with house.read() as transaction:
        assert transaction.changes.head() == 1
    server.stop()
    with pytest.raises(KeyhouseError) as on_write, house.write():
        pytest.fail("wrote without a server")
    with pytest.raises(KeyhouseError) as on_read, house.read():
        pytest.fail("read without a server")
    with pytest.raises(KeyhouseError) as on_ledger:
        house.ledger.since(0)
    assert {caught.value.code for caught in (on_write, on_read, on_ledger)} == {ErrorCode.STORE_UNAVAILABLE}
    server.start()
    with house.write() as transaction:
        transaction.changes.append(ChangeKind.PRICES, "")
    with house.read() as transaction:
        assert transaction.changes.head() == 2
    assert house.ledger.since(0) == []


def test_a_server_that_restarted_between_two_uses_is_not_noticed(server: PostgresServer, house: PostgresStore) -> None:
    """Every idle connection of every pool is dead then; whoever comes next must get a live one."""
    with house.write() as transaction:
        transaction.changes.append(ChangeKind.PRICES, "")
    with house.read() as transaction:
        transaction.changes.head()
    server.stop()
    server.start()
    with house.read() as transaction:
        assert transaction.changes.head() == 1
    with house.write() as transaction:
        transaction.changes.append(ChangeKind.PRICES, "")


def test_a_server_that_dies_in_the_middle_undoes_the_transaction(server: PostgresServer, house: PostgresStore) -> None:
    def change_twice() -> None:
        with house.write() as transaction:
            transaction.changes.append(ChangeKind.PRICES, "")
            server.stop()
            transaction.changes.append(ChangeKind.PRICES, "")

    with pytest.raises(KeyhouseError) as caught:
        change_twice()
    server.start()
    assert caught.value.code is ErrorCode.STORE_UNAVAILABLE
    with house.read() as transaction:
        assert transaction.changes.head() == 0


def test_no_answer_at_the_start_is_a_sentence_without_the_password() -> None:
    password = secrets.token_hex(8)
    with pytest.raises(KeyhouseError) as caught:
        open_postgres(f"postgresql://keyhouse:{password}@127.0.0.1:1/house")
    assert caught.value.code is ErrorCode.STORE_UNAVAILABLE
    assert password not in "".join(traceback.format_exception(caught.value))
    assert "127.0.0.1" in caught.value.message
