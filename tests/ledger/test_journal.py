from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from keyhouse.domain.usage import UsageRow
from keyhouse.ledger.intents import Intents
from keyhouse.ledger.journal import Backoff, Journal
from keyhouse.store.contract import LedgerUnavailable
from keyhouse.store.sqlite import open_sqlite
from tests.ledger.makers import MemoryLedger, make_intent, make_row, no_file_may_outgrow

QUICK = Backoff(0.01, 0.02)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
async def journal(ledger: MemoryLedger) -> AsyncIterator[Journal]:
    journal = Journal(ledger, asyncio.get_running_loop(), backoff=QUICK)
    yield journal
    ledger.failure = None
    ledger.gate.set()
    await journal.close()


async def available(journal: Journal) -> None:
    async with asyncio.timeout(5):
        while not journal.available:
            await asyncio.sleep(0.005)


async def test_append_resolves_when_the_row_is_in_the_ledger(journal: Journal, ledger: MemoryLedger) -> None:
    await journal.append(make_row("req_1"))
    assert list(ledger.rows) == ["req_1"]
    assert journal.waiting == 0


async def test_append_does_not_resolve_before_the_commit(journal: Journal, ledger: MemoryLedger) -> None:
    ledger.gate.clear()
    future = journal.append(make_row("req_1"))
    done, _ = await asyncio.wait([future], timeout=0.05)
    assert not done
    ledger.gate.set()
    await future


async def test_rows_that_come_during_a_commit_share_the_next_one(journal: Journal, ledger: MemoryLedger) -> None:
    ledger.gate.clear()
    first = journal.append(make_row("req_first"))
    while not journal._queue.empty():  # until the writer has taken it into the commit that the gate holds back
        await asyncio.sleep(0.001)
    others = [journal.append(make_row(f"req_{n}")) for n in range(50)]
    ledger.gate.set()
    await asyncio.gather(first, *others)
    assert ledger.commits == [["req_first"], [f"req_{n}" for n in range(50)]]


async def test_a_commit_takes_no_more_than_max_batch(ledger: MemoryLedger) -> None:
    journal = Journal(ledger, asyncio.get_running_loop(), max_batch=10)
    await asyncio.gather(*[journal.append(make_row(f"req_{n}")) for n in range(95)])
    await journal.close()
    assert max(map(len, ledger.commits)) == 10
    assert sum(map(len, ledger.commits)) == 95


async def test_one_wake_up_of_the_loop_serves_a_whole_commit(ledger: MemoryLedger) -> None:
    loop = asyncio.get_running_loop()
    ledger.gate.clear()
    journal = Journal(ledger, loop)
    futures = [journal.append(make_row(f"req_{n}")) for n in range(100)]
    in_one_turn: list[int] = []
    futures[-1].add_done_callback(lambda _: in_one_turn.append(sum(future.done() for future in futures)))
    ledger.gate.set()
    await asyncio.gather(*futures)
    assert in_one_turn == [100]
    await journal.close()


async def test_unavailable_ledger_fails_waiting_calls_at_once_and_keeps_their_rows(
    journal: Journal, ledger: MemoryLedger
) -> None:
    ledger.failure = LedgerUnavailable("disk full")
    for request_id in ("req_1", "req_2"):
        with pytest.raises(LedgerUnavailable):
            await asyncio.wait_for(journal.append(make_row(request_id)), 1)
    assert not journal.available
    assert journal.waiting == 2
    ledger.failure = None
    await available(journal)
    assert sorted(ledger.rows) == ["req_1", "req_2"]
    assert sum(map(len, ledger.commits)) == 2
    await asyncio.sleep(0)
    assert journal.waiting == 0


async def test_an_unavailable_ledger_is_tried_again_with_growing_pauses(ledger: MemoryLedger) -> None:
    loop = asyncio.get_running_loop()
    journal = Journal(ledger, loop, backoff=Backoff(0.02, 0.08))
    ledger.failure = LedgerUnavailable("disk full")
    with pytest.raises(LedgerUnavailable):
        await journal.append(make_row("req_1"))
    await asyncio.sleep(0.4)
    assert 3 <= ledger.attempts <= 8  # at 0, 20, 60, 140, 220, … ms
    ledger.failure = None
    await journal.close()
    assert list(ledger.rows) == ["req_1"]


async def test_more_rows_held_than_a_batch_are_all_written_once(ledger: MemoryLedger) -> None:
    journal = Journal(ledger, asyncio.get_running_loop(), max_batch=7, backoff=QUICK)
    ledger.failure = LedgerUnavailable("disk full")
    results = await asyncio.gather(*[journal.append(make_row(f"req_{n}")) for n in range(40)], return_exceptions=True)
    assert all(isinstance(result, LedgerUnavailable) for result in results)
    ledger.failure = None
    await available(journal)
    await journal.close()
    assert sorted(id_ for commit in ledger.commits for id_ in commit) == sorted(f"req_{n}" for n in range(40))


async def test_rows_beyond_the_bound_are_turned_away_and_counted(ledger: MemoryLedger) -> None:
    journal = Journal(ledger, asyncio.get_running_loop(), max_waiting=5, backoff=QUICK)
    ledger.gate.clear()
    futures = [journal.append(make_row(f"req_{n}")) for n in range(8)]
    ledger.gate.set()
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(result) for result in results] == [type(None)] * 5 + [LedgerUnavailable] * 3
    assert journal.turned_away == 3
    await journal.close()
    assert len(ledger.rows) == 5


async def test_a_row_that_the_ledger_never_takes_does_not_keep_the_others_out(
    journal: Journal, ledger: MemoryLedger
) -> None:
    ledger.refused.add("req_3")
    ledger.gate.clear()
    futures = [journal.append(make_row(f"req_{n}")) for n in range(6)]
    ledger.gate.set()
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, LedgerUnavailable)] == [3]
    assert sorted(ledger.rows) == [f"req_{n}" for n in (0, 1, 2, 4, 5)]
    assert journal.available
    assert journal.turned_away == 1


async def test_the_sqlite_ledger_goes_on_without_a_row_that_breaks_its_rules(tmp_path: Path) -> None:
    with closing(open_sqlite(tmp_path)) as store:
        journal = Journal(store.ledger, asyncio.get_running_loop(), backoff=QUICK)
        nameless = make_row("req_2")._replace(organization_id=None)  # type: ignore[arg-type]  # the fault itself
        rows = [make_row("req_1"), nameless, make_row("req_3")]
        results = await asyncio.gather(*map(journal.append, rows), return_exceptions=True)
        await journal.close()
        assert [isinstance(result, LedgerUnavailable) for result in results] == [False, True, False]
        assert store.ledger.contains(["req_1", "req_2", "req_3"]) == {"req_1", "req_3"}
        assert journal.available


async def test_a_full_disk_refuses_calls_until_it_has_room_and_their_rows_are_written_then(tmp_path: Path) -> None:
    with closing(open_sqlite(tmp_path)) as store:
        journal = Journal(store.ledger, asyncio.get_running_loop(), backoff=QUICK)
        await journal.append(make_row("req_before"))
        with no_file_may_outgrow((tmp_path / "ledger.db-wal").stat().st_size):
            with pytest.raises(LedgerUnavailable):
                await journal.append(make_row("req_full"))
            assert not journal.available
        await available(journal)
        await journal.append(make_row("req_after"))
        await journal.close()
        assert [found.row.request_id for found in store.ledger.since(0)] == ["req_before", "req_full", "req_after"]


async def test_a_caller_that_went_away_does_not_disturb_the_others(journal: Journal, ledger: MemoryLedger) -> None:
    ledger.gate.clear()
    gone, stays = journal.append(make_row("req_gone")), journal.append(make_row("req_stays"))
    gone.cancel()
    ledger.gate.set()
    await stays
    assert sorted(ledger.rows) == ["req_gone", "req_stays"]


async def test_close_writes_what_waits_and_turns_later_rows_away(ledger: MemoryLedger) -> None:
    journal = Journal(ledger, asyncio.get_running_loop())
    futures = [journal.append(make_row(f"req_{n}")) for n in range(2500)]
    await journal.close()
    assert all(future.done() and future.exception() is None for future in futures)
    assert len(ledger.rows) == 2500
    with pytest.raises(LedgerUnavailable):
        await journal.append(make_row("req_late"))
    await journal.close()


async def test_close_says_how_many_rows_could_not_be_written(ledger: MemoryLedger) -> None:
    journal = Journal(ledger, asyncio.get_running_loop(), backoff=QUICK)
    ledger.failure = LedgerUnavailable("disk full")
    with pytest.raises(LedgerUnavailable):
        await journal.append(make_row("req_1"))
    with pytest.raises(LedgerUnavailable, match="1 usage rows"):
        await journal.close(grace_seconds=0.05)


async def test_on_committed_gets_the_rows_of_each_commit_on_the_writers_thread(ledger: MemoryLedger) -> None:
    seen: list[tuple[str, list[str]]] = []

    def on_committed(rows: Sequence[UsageRow]) -> None:
        seen.append((threading.current_thread().name, [row.request_id for row in rows]))

    journal = Journal(ledger, asyncio.get_running_loop(), on_committed=on_committed)
    await journal.append(make_row("req_1"))
    await journal.append(make_row("req_2"))
    await journal.close()
    assert seen == [("keyhouse-journal", ["req_1"]), ("keyhouse-journal", ["req_2"])]


async def test_an_intent_ends_when_its_row_is_durable_and_stays_while_it_is_not(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    intents = Intents(tmp_path / "intents", slots=4)
    journal = Journal(ledger, asyncio.get_running_loop(), intents=intents, backoff=QUICK)
    await journal.append(make_row("req_written"), intents.begin(make_intent("req_written")))
    ledger.failure = LedgerUnavailable("disk full")
    with pytest.raises(LedgerUnavailable):
        await journal.append(make_row("req_held"), intents.begin(make_intent("req_held")))
    with pytest.raises(LedgerUnavailable):
        await journal.close(grace_seconds=0)
    intents.close()
    reopened = Intents(tmp_path / "intents")
    assert [left.intent.request_id for left in reopened.left_over()] == ["req_held"]
    reopened.close()
