"""What takes its turn among the journal's rows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from keyhouse.ledger.journal import Backoff, Journal
from keyhouse.store.contract import LedgerUnavailable
from tests.ledger.makers import MemoryLedger, make_row

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


async def test_a_step_runs_between_the_rows_before_it_and_those_after_it(
    journal: Journal, ledger: MemoryLedger
) -> None:
    ledger.gate.clear()
    found = [journal.in_turn(lambda: len(ledger.rows))]
    rows = []
    for n in range(20):
        rows += [journal.append(make_row(f"req_{n}_{i}")) for i in range(n)]
        found.append(journal.in_turn(lambda: len(ledger.rows)))
    ledger.gate.set()
    assert await asyncio.gather(*found) == [0, *(n * (n + 1) // 2 for n in range(20))]
    await asyncio.gather(*rows)


async def test_steps_that_meet_share_one_place_and_no_row_is_left_behind(ledger: MemoryLedger) -> None:
    journal = Journal(ledger, asyncio.get_running_loop(), max_batch=4)
    ledger.gate.clear()
    rows = [journal.append(make_row(f"req_{n}")) for n in range(10)]
    steps = [journal.in_turn(lambda n=n: n) for n in range(10)]  # type: ignore[misc]  # a default fixes each n
    rows += [journal.append(make_row(f"req_late_{n}")) for n in range(10)]
    ledger.gate.set()
    assert await asyncio.gather(*steps) == list(range(10))
    await asyncio.gather(*rows)
    await journal.close()
    assert len(ledger.rows) == 20
    assert journal.waiting == 0


async def test_a_step_runs_on_the_writers_thread_and_wakes_its_caller_on_the_loop(journal: Journal) -> None:
    names: list[str] = []

    def step() -> int:
        names.append(threading.current_thread().name)
        return 7

    assert await asyncio.wait_for(journal.in_turn(step), 5) == 7
    assert names == ["keyhouse-journal"]


async def test_a_step_fails_at_once_while_the_ledger_is_unavailable(journal: Journal, ledger: MemoryLedger) -> None:
    ledger.failure = LedgerUnavailable("disk full")
    row, behind = journal.append(make_row("req_1")), journal.in_turn(lambda: 1)
    with pytest.raises(LedgerUnavailable):
        await asyncio.wait_for(row, 5)
    with pytest.raises(LedgerUnavailable):
        await asyncio.wait_for(behind, 5)
    with pytest.raises(LedgerUnavailable):
        await asyncio.wait_for(journal.in_turn(lambda: 1), 5)
    ledger.failure = None
    async with asyncio.timeout(5):
        while not journal.available:
            await asyncio.sleep(0.005)
    assert await journal.in_turn(lambda: len(ledger.rows)) == 1


async def test_a_step_that_fails_disturbs_no_row(journal: Journal, ledger: MemoryLedger) -> None:
    def away() -> int:
        raise LedgerUnavailable("the other database is away")

    def faulty() -> int:
        raise ZeroDivisionError

    results = await asyncio.gather(
        journal.append(make_row("req_1")), journal.in_turn(away), journal.in_turn(faulty), journal.append(make_row("req_2")),
        return_exceptions=True,
    )  # fmt: skip
    assert [type(result) for result in results] == [type(None), LedgerUnavailable, LedgerUnavailable, type(None)]
    assert str(results[1]) == "the other database is away"
    assert journal.available
    assert list(ledger.rows) == ["req_1", "req_2"]


async def test_closing_runs_what_waits_for_its_turn_and_refuses_later_steps(ledger: MemoryLedger) -> None:
    journal = Journal(ledger, asyncio.get_running_loop())
    ledger.gate.clear()
    row, step = journal.append(make_row("req_1")), journal.in_turn(lambda: len(ledger.rows))
    closing = asyncio.ensure_future(journal.close())
    await asyncio.sleep(0)
    ledger.gate.set()
    await closing
    await row
    assert await step == 1
    with pytest.raises(LedgerUnavailable):
        await journal.in_turn(lambda: 1)


async def test_a_caller_that_went_away_disturbs_nobody(journal: Journal, ledger: MemoryLedger) -> None:
    ledger.gate.clear()
    row = journal.append(make_row("req_1"))
    gone = journal.in_turn(lambda: 1)
    gone.cancel()
    ledger.gate.set()
    await row
    assert await journal.in_turn(lambda: 2) == 2
