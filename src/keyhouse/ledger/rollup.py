"""Rollups: the ledger's rows, summed by minute, hour and day, so that a report reads sums and never rows.

    ledger rows after the mark ── fold ──▶ sums by minute + when each key was last used ── one transaction ──▶ rollups, mark, keys
                               └─ count ─▶ what limits of a day have counted ──────────────────┘
    minutes of hours that are over ──▶ hours ──▶ days, in the store

1. Sums and mark move in one transaction: after a crash nothing is added twice and nothing is left out.
2. Any number of processes may roll up at once: whoever finds that the mark has moved drops what it folded and reads again.
3. A call belongs to the minute, hour and day (UTC) of its admission, however late its row is written.
4. An hour is over when a call has been rolled up that came `MARGIN_SECONDS` after its end; no clock is asked. Taking it for over
   too early, or for ever where a clock ran ahead, costs more and changes no sum: the store adds a late minute to every width.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Mapping
from operator import add as plus
from typing import NamedTuple

import structlog

from keyhouse.domain.limits import LimitName
from keyhouse.domain.usage import Pricing, UsageRow
from keyhouse.ledger import day_counts
from keyhouse.store.contract import RollupKey, RollupSums, Store, Width

_log = structlog.get_logger(__name__)

Sums = Mapping[RollupKey, RollupSums]
_MINUTE = Width.MINUTE.value
_UNPRICED = Pricing.UNPRICED.value


SHARE = 300
"""One part in so many of a processor goes into rollups, and no more."""
LONGEST_PAUSE_SECONDS = 15.0
MARGIN_SECONDS = 300
"""Most calls that began in an hour have ended so long after it."""


class Folded(NamedTuple):
    """What rows add up to by minute, and the Unix second at which each of their keys was last used."""

    minutes: dict[RollupKey, RollupSums]
    last_used: dict[str, int]


def fold(rows: Iterable[UsageRow]) -> Folded:
    """The rows as sums. Pure; folding parts and adding them gives what folding the whole gives."""
    folded = Folded({}, {})
    _fold_into(folded, rows)
    return folded


def _fold_into(folded: Folded, rows: Iterable[UsageRow]) -> None:
    minutes, last_used = folded
    for row in rows:
        key = _key_of(row)
        found = minutes.get(key)
        if found is None:
            minutes[_shared(key)] = _sums_of(row)
        else:
            minutes[key] = add(found, _sums_of(row))
        second = row.admitted_at_us // 1_000_000
        if second > last_used.get(row.key_id, 0):
            last_used[row.key_id] = second


def add(a: RollupSums, b: RollupSums) -> RollupSums:
    return RollupSums._make(map(plus, a, b))


def _shared(key: RollupKey) -> RollupKey:
    """The key with texts that equal keys share: every row brings its own, and thousands of sums would hold them all."""
    return RollupKey(key.bucket, *map(sys.intern, key[1:]))


def _key_of(row: UsageRow) -> RollupKey:
    second = row.admitted_at_us // 1_000_000
    return RollupKey(
        second - second % _MINUTE,
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
        int(row.pricing == _UNPRICED),
        row.estimated,
    )


def catch_up(store: Store, batch: int = 1000, most_sums: int = 20_000) -> int:
    """Rolls up every row that is committed now; returns how many that were.

    Reads `batch` rows at a time, until they leave `most_sums` to write or there are no more, and applies those in one
    transaction: what many rows add to one bucket of one key is written once. Raises what the store raises; what was applied
    until then stays applied.
    """
    done = 0
    while True:
        with store.read() as tx:
            mark, folded_before = tx.rollups.mark(), tx.rollups.folded_before()
        read = _read_on(store, mark, batch, most_sums)
        if not read.rows:
            return done
        if _apply(store, mark, read):
            done += read.rows
            _fold_hours(store, folded_before, read.folded.minutes)
            if read.at_end:
                return done


class _Read(NamedTuple):
    rows: int
    through_seq: int
    at_end: bool
    folded: Folded
    days: day_counts.DayAmounts


def _read_on(store: Store, mark: int, batch: int, most_sums: int) -> _Read:
    count, through_seq, at_end = 0, mark, False
    folded, days = Folded({}, {}), day_counts.DayAmounts()
    while not at_end and len(folded.minutes) < most_sums:
        rows = store.ledger.since(through_seq, batch)
        if rows:
            count, through_seq = count + len(rows), rows[-1].seq
            _fold_into(folded, (entry.row for entry in rows))
            # Asked after the rows were read: a limit that is younger than they are has not counted them.
            day_counts.count(days, (entry.row for entry in rows), _watched(store))
        at_end = len(rows) < batch
    return _Read(count, through_seq, at_end, folded, days)


def _apply(store: Store, mark: int, read: _Read) -> bool:
    """Applies what was read from `mark` on; False, and nothing done, if another process was faster."""
    with store.write() as tx:
        if tx.rollups.mark() != mark:
            return False
        tx.rollups.apply(read.through_seq, read.folded.minutes)
        tx.keys.touch(read.folded.last_used)
        keys = tx.day_counts.watched_keys(read.folded.last_used)
        tx.day_counts.add(read.days + day_counts.of_keys(read.folded.minutes, keys))
    return True


def _watched(store: Store) -> frozenset[LimitName]:
    with store.read() as tx:
        return tx.day_counts.watched()


def _fold_hours(store: Store, folded_before: int, minutes: Sums) -> None:
    """Has the store fold the hours that are over, once the newest minute says that there is one."""
    until = max(key.bucket for key in minutes) - MARGIN_SECONDS
    until -= until % Width.HOUR.value
    left = until > folded_before
    while left:
        began = time.monotonic()
        with store.write() as tx:
            left = tx.rollups.fold(until)
        # Whoever waits to write has a turn between two steps.
        time.sleep((time.monotonic() - began) / 4)


class Rollup:
    """Keeps the rollups close behind the ledger, in one background thread, until it is closed.

    `wake` is for whoever commits rows, from any thread. Wake-ups closer than `linger_seconds` share one round, so that load
    makes a row cheaper; and a round that cost much (many keys in use: many sums to write) is followed by a pause of `SHARE` times
    its own processor time. Who reads a report catches up first, so that a pause costs no report its newest rows.
    """

    def __init__(self, store: Store, *, linger_seconds: float = 0.4, poll_seconds: float = 15.0) -> None:
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
