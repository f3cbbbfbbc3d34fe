"""The ledger: rows as they were given, once, in commit order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from keyhouse.store.contract import LedgerRow, RowRefused, Store
from keyhouse.store.types import INT64_MAX
from tests.store.conftest import Reopen
from tests.store.makers import make_row


def test_a_row_comes_back_as_it_was_given(empty_store: Store, opener: Reopen) -> None:
    full = make_row("req_1", client_request_id='é"\\\n🔑', service_tier="flex", error_code="x", cost_nanos=INT64_MAX)
    bare = make_row("req_2", **dict.fromkeys(_OPTIONAL))
    empty_store.ledger.append([full, bare])
    assert [found.row for found in opener().ledger.since(0)] == [full, bare]
    assert all(type(a) is type(b) for a, b in zip(empty_store.ledger.since(0)[0].row, full, strict=True))


def test_rows_are_numbered_in_the_order_of_commits_and_read_from_where_one_was(empty_store: Store) -> None:
    ledger = empty_store.ledger
    ledger.append([make_row("req_b"), make_row("req_a")])
    ledger.append([make_row("req_0")])
    rows = ledger.since(0)
    assert [found.row.request_id for found in rows] == ["req_b", "req_a", "req_0"]
    assert 0 < rows[0].seq < rows[1].seq < rows[2].seq
    assert ledger.since(rows[0].seq, limit=1) == [rows[1]]
    assert ledger.since(rows[2].seq) == []


def test_a_request_id_that_is_there_is_left_as_it_is_however_old(empty_store: Store) -> None:
    ledger = empty_store.ledger
    ledger.append([make_row("req_old")])
    for start in range(0, 5000, 1000):
        ledger.append([make_row(f"req_{n:06d}") for n in range(start, start + 1000)])
    ledger.append([make_row("req_old", status=500), make_row("req_new"), make_row("req_new", status=500)])
    rows = ledger.since(0)
    assert len(rows) == 5002
    assert rows[0].row == make_row("req_old")
    assert rows[-1].row == make_row("req_new")


def test_rows_are_found_by_request_id(empty_store: Store) -> None:
    ledger = empty_store.ledger
    ledger.append([make_row(f"req_{n}") for n in range(3)])
    assert ledger.contains(["req_0", "req_2", "req_9"]) == {"req_0", "req_2"}
    assert ledger.contains([f"req_{n}" for n in range(2000)]) == {"req_0", "req_1", "req_2"}
    assert ledger.contains([]) == set()
    found = ledger.get("req_1")
    assert found == LedgerRow(ledger.since(0)[1].seq, make_row("req_1"))
    assert ledger.get("req_9") is None


def test_appending_nothing_is_nothing(empty_store: Store) -> None:
    empty_store.ledger.append([])
    assert empty_store.ledger.since(0) == []


def test_one_row_that_no_database_takes_is_made_fit_and_keeps_no_other_out(empty_store: Store) -> None:
    """An upstream can report any number and any text."""
    odd = make_row("req_1", output_tokens=10**30, model_answered="half \ud800", cost_nanos=-(10**30))
    empty_store.ledger.append([make_row("req_0"), odd, make_row("req_2")])
    rows = [found.row for found in empty_store.ledger.since(0)]
    assert rows == [
        make_row("req_0"),
        make_row("req_1", output_tokens=INT64_MAX, model_answered="half \ufffd", cost_nanos=-INT64_MAX),
        make_row("req_2"),
    ]


def test_a_row_that_no_column_takes_is_refused_with_its_batch_and_blocks_nothing(empty_store: Store) -> None:
    with pytest.raises(RowRefused):
        empty_store.ledger.append([make_row("req_0"), make_row("req_1", status=None)])
    assert empty_store.ledger.since(0) == []
    empty_store.ledger.append([make_row("req_0")])
    assert empty_store.ledger.contains(["req_0", "req_1"]) == {"req_0"}


def test_a_text_with_nul_keeps_no_other_out(empty_store: Store) -> None:
    empty_store.ledger.append([make_row("req_0", client_request_id="a\x00b"), make_row("req_1")])
    texts = [found.row.client_request_id for found in empty_store.ledger.since(0)]
    assert texts in ([["a\x00b", None], ["a\ufffdb", None]])


def test_a_reader_who_follows_misses_no_row_of_several_writers(empty_store: Store, opener: Reopen) -> None:
    stores = [empty_store, opener()]
    done, seen = threading.Event(), []

    def write(number: int) -> None:
        stores[number % 2].ledger.append([make_row(f"req_{number}_{n}") for n in range(3)])

    def follow() -> None:
        last = 0
        while True:
            ended = done.is_set()
            for found in empty_store.ledger.since(last):
                last = found.seq
                seen.append(found.row.request_id)
            if ended:
                return

    follower = threading.Thread(target=follow)
    follower.start()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(100)))
    done.set()
    follower.join(20)
    assert sorted(seen) == sorted(f"req_{number}_{n}" for number in range(100) for n in range(3))


_OPTIONAL = {
    "user_id", "model_asked", "model_answered", "upstream", "price_id", "cost_nanos", "cost_input_nanos", "cost_cached_nanos",
    "cost_output_nanos", "first_byte_us",
}  # fmt: skip
