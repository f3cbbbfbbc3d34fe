"""A gateway's ledger under load, killed with SIGKILL at any moment, again and again, and what is in it in the end."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from keyhouse.ledger.intents import Intents
from keyhouse.ledger.recovery import recover
from keyhouse.store.sqlite import open_sqlite
from tests.ledger.balanced import unbalanced_of
from tests.ledger.killed.gateway import ANSWERED, BEGUN, BOOK, INTENTS_FILE, RECOVERING, SERVING, serve

CYCLES = 60
CYCLES_LONG = 1000


def test_calls_answered_before_kill_9_are_kept_once_cut_ones_are_charged_once_and_balances_agree(
    tmp_path: Path, long_form: bool
) -> None:
    told: dict[str, set[str]] = {BEGUN: set(), ANSWERED: set()}
    for start in range(CYCLES_LONG if long_form else CYCLES):
        for what, request_id in one_life(tmp_path, start):
            told[what].add(request_id)
    outcomes = final_outcomes(tmp_path)
    assert_balanced(tmp_path)
    assert not told[ANSWERED] - outcomes.keys(), "answered calls lost"
    assert {outcomes[request_id] for request_id in told[ANSWERED]} == {"completed"}
    assert not told[BEGUN] - outcomes.keys(), "calls without a row"
    cut = [request_id for request_id, outcome in outcomes.items() if outcome == "interrupted"]
    # The proof must have had something to prove: plenty of calls, and most kills in the middle of some.
    assert len(told[ANSWERED]) > 10 * CYCLES
    assert len(cut) > CYCLES


def one_life(folder: Path, start: int) -> Iterator[tuple[str, str]]:
    """Starts a gateway, kills it at a random moment, and yields what it said that it had done."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.ledger.killed.gateway"])
    reader, writer = context.Pipe(duplex=False)
    gateway = context.Process(target=serve, args=(folder, start, writer), daemon=True)
    gateway.start()
    writer.close()
    # Every fifth dies around its recovery, the others under load.
    trigger, within = (RECOVERING, 0.004) if start % 5 == 4 else (SERVING, 0.08)
    for line in lines(reader):
        what, _, request_id = line.partition(" ")
        if what == trigger:
            threading.Timer(random.random() * within, gateway.kill).start()  # noqa: S311
        elif request_id:
            yield what, request_id
    gateway.join()
    reader.close()


def lines(reader: Connection) -> Iterator[str]:
    """Whole lines until the pipe's other end is gone; a line that was cut was not said."""
    rest = b""
    while chunk := os.read(reader.fileno(), 1 << 16):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in whole)


def assert_balanced(folder: Path) -> None:
    """Every balance is what its rows cost, those of interrupted calls among them."""
    with closing(open_sqlite(folder)) as store:
        kept = store.ledger.balances()
        assert unbalanced_of(store.ledger) == []
        interrupted = [found.row for found in store.ledger.since(0, 10_000_000) if found.row.outcome == "interrupted"]
    assert len(kept) == 16
    assert sum(1 for balance in kept if balance.spent_nanos > 0) >= 12
    assert all(row.cost_nanos for row in interrupted)


def final_outcomes(folder: Path) -> dict[str, str]:
    """Request id to outcome, after one more start; fails if a call is there twice."""
    with closing(open_sqlite(folder)) as store:
        intents = Intents(folder / INTENTS_FILE)
        recover(intents, store.ledger, BOOK)
        intents.close()
        rows = [found.row for found in store.ledger.since(0, limit=10_000_000)]
    doubled = [request_id for request_id, times in Counter(row.request_id for row in rows).items() if times > 1]
    assert doubled == []
    return {row.request_id: row.outcome for row in rows}
