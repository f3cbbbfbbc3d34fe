"""Rollups: the ledger's rows, summed by minute, hour and day, so that a report reads sums and never rows.

    ledger rows after the mark ── fold ──▶ sums + when each key was last used ── one transaction ──▶ rollups, mark, keys

1. Sums and mark move in one transaction: after a crash nothing is added twice and nothing is left out.
2. Any number of processes may roll up at once: whoever finds that the mark has moved drops what it folded and reads again.
3. A call belongs to the minute, hour and day (UTC) of its admission, however late its row is written.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import structlog

from keyhouse.domain.usage import Pricing, UsageRow
from keyhouse.store.contract import LedgerRow, RollupKey, RollupSums, Store, Width

_log = structlog.get_logger(__name__)

Sums = Mapping[RollupKey, RollupSums]


SHARE = 300
"""One part in so many of a processor goes into rollups, and no more."""
LONGEST_PAUSE_SECONDS = 15.0


class Folded(NamedTuple):
    """What rows add up to, and the Unix second at which each of their keys was last used."""

    sums: dict[Width, Sums]
    last_used: dict[str, int]


def fold(rows: Iterable[UsageRow]) -> Folded:
    """The rows as sums of every width. Pure; folding parts and adding them gives what folding the whole gives."""
    minutes: dict[RollupKey, RollupSums] = {}
    last_used: dict[str, int] = {}
    # Every row is added to its minute only; hours and days come from the few sums that leaves.
    for row in rows:
        key = _key_of(row)
        found = minutes.get(key)
        minutes[key] = _sums_of(row) if found is None else add(found, _sums_of(row))
        second = row.admitted_at_us // 1_000_000
        if second > last_used.get(row.key_id, 0):
            last_used[row.key_id] = second
    hours = coarsen(minutes, Width.HOUR)
    return Folded({Width.MINUTE: minutes, Width.HOUR: hours, Width.DAY: coarsen(hours, Width.DAY)}, last_used)


def coarsen(sums: Sums, width: Width) -> dict[RollupKey, RollupSums]:
    """The same sums in buckets of a greater width."""
    out: dict[RollupKey, RollupSums] = {}
    for key, value in sums.items():
        wide = key._replace(bucket=key.bucket - key.bucket % width.value)
        found = out.get(wide)
        out[wide] = value if found is None else add(found, value)
    return out


def add(a: RollupSums, b: RollupSums) -> RollupSums:
    return RollupSums(*map(int.__add__, a, b))


def _key_of(row: UsageRow) -> RollupKey:
    second = row.admitted_at_us // 1_000_000
    return RollupKey(
        second - second % Width.MINUTE.value,
        row.organization_id,
        row.project_id,
        row.user_id or "",
        row.service_account_id or "",
        row.key_id,
        row.operation,
        row.model_answered or row.model_asked or "",
        row.upstream or "",
        row.service_tier or "",
        row.outcome,
        row.pricing,
    )


def _sums_of(row: UsageRow) -> RollupSums:
    return RollupSums(
        1,
        row.input_tokens,
        row.cached_tokens,
        row.cache_write_tokens,
        row.output_tokens,
        row.reasoning_tokens,
        row.input_audio_tokens,
        row.output_audio_tokens,
        row.cost_input_nanos or 0,
        row.cost_cached_nanos or 0,
        row.cost_output_nanos or 0,
        int(row.pricing == Pricing.UNPRICED.value),
        row.estimated,
    )


def catch_up(store: Store, batch: int = 1000) -> int:
    """Rolls up every row that is committed now, `batch` rows to a transaction; returns how many that were.

    Raises what the store raises; what was applied until then stays applied.
    """
    done = 0
    while True:
        with store.read() as tx:
            mark = tx.rollups.mark()
        rows = store.ledger.since(mark, batch)
        if not rows:
            return done
        if _apply(store, mark, rows):
            done += len(rows)
            if len(rows) < batch:
                return done


def _apply(store: Store, mark: int, rows: Sequence[LedgerRow]) -> bool:
    """Applies rows read at `mark`; False, and nothing done, if another process was faster."""
    folded = fold(entry.row for entry in rows)
    with store.write() as tx:
        if tx.rollups.mark() != mark:
            return False
        tx.rollups.apply(rows[-1].seq, folded.sums)
        tx.keys.touch(folded.last_used)
    return True


class Rollup:
    """Keeps the rollups close behind the ledger, in one background thread, until it is closed.

    `wake` is for whoever commits rows, from any thread. Wake-ups closer than `linger_seconds` share one round, so that load
    makes a row cheaper; and a round that cost much (many keys in use: many sums to write) is followed by a pause of `SHARE` times
    its own processor time. Who reads a report catches up first, so that a pause costs no report its newest rows.
    """

    def __init__(self, store: Store, *, linger_seconds: float = 0.4, poll_seconds: float = 5.0) -> None:
        self._store = store
        self._linger = linger_seconds
        self._poll = poll_seconds
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="keyhouse-rollup", daemon=True)

    def start(self) -> None:
        """Begins with the rows that a stop or a crash left behind."""
        self._woken.set()
        self._thread.start()

    def wake(self) -> None:
        """There are new rows. Costs next to nothing and never waits."""
        if not self._woken.is_set():
            self._woken.set()

    def close(self) -> None:
        """Rolls up what is committed, then ends the thread. Close the journal first."""
        self._closing.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def failures(self) -> int:
        """Rounds that failed since the last one that did not."""
        return self._failures

    def _run(self) -> None:
        while not self._closing.is_set():
            self._woken.wait(self._poll)
            self._woken.clear()
            began = time.thread_time()
            self._round()
            cost = time.thread_time() - began
            pause = self._linger if self._failures else max(self._linger, SHARE * cost)
            self._closing.wait(min(pause, LONGEST_PAUSE_SECONDS))
        self._round()

    def _round(self) -> None:
        try:
            rows = catch_up(self._store)
        except Exception:  # a background loop's border: reports must come back when the database does
            self._failures += 1
            if self._failures == 1:
                _log.exception("usage rows could not be rolled up; reports stand still until they can")
            return
        if self._failures:
            _log.info("usage rows are rolled up again", rows=rows, failed_rounds=self._failures)
        self._failures = 0
