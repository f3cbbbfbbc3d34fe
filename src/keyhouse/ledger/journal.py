"""The ledger's one writer: rows go in from the event loop, and come back as "durable".

    the loop        append(row) ── queue ──┐                              ┌── futures resolved, intents ended
    its own thread                         └─ take all that wait ─ commit ─┘  (one wake-up of the loop per commit)

1. Commits clock themselves: while one runs, rows queue; the next takes them all. Load makes a row cheaper, and the
   first row after a silence waits for nobody. Where rows come densely, a commit lingers for two milliseconds of them.
2. A row is in the queue, held for another try, or in the ledger. When the ledger cannot be written, the callers waiting
   hear it at once (their calls answer 503); the rows stay, for their tokens were really used, until they are written.
3. A step that takes its turn runs on the writer's thread, after the commit of all rows that came before it and before any
   that came later. While the ledger is unavailable it fails at once.
4. An intent ends only after its row is committed, so a row that never gets there (too many held, a shutdown with the disk
   full) is charged from its intent at the next start. Writing twice does no harm: the ledger knows request ids.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import structlog

from keyhouse.domain.usage import UsageRow
from keyhouse.store.contract import Ledger, LedgerUnavailable

__all__ = ["Backoff", "EndsIntents", "Journal", "LedgerUnavailable"]

_log = structlog.get_logger(__name__)

_UNAVAILABLE = "Usage cannot be recorded at the moment, so no call is served."


LINGER_SECONDS = 0.002
DENSE_ROWS_PER_SECOND = 2_000
"""From this rate on a commit waits for `LINGER_SECONDS` first: a commit costs the same whatever its size, and below the rate its
cost does not matter."""
_WINDOW_SECONDS = 0.05


class EndsIntents(Protocol):
    """What the journal needs of `intents.Intents`."""

    def end(self, slot: int) -> None: ...


class Backoff(NamedTuple):
    """Seconds between two tries of an unavailable ledger: from `first`, doubling up to `longest`."""

    first: float = 0.1
    longest: float = 2.0


class _Entry(NamedTuple):
    row: UsageRow
    slot: int | None
    result: asyncio.Future[None]


class _Turn(NamedTuple):
    step: Callable[[], int]
    result: asyncio.Future[int]


_Waiting = _Entry | _Turn


class _Crowd:
    """How densely rows come, over windows of `_WINDOW_SECONDS`. Of the writer's thread."""

    def __init__(self) -> None:
        self.is_dense = False
        self._rows = 0
        self._since = time.monotonic()

    def count(self, rows: int) -> None:
        self._rows += rows
        elapsed = time.monotonic() - self._since
        if elapsed >= _WINDOW_SECONDS:
            self.is_dense = self._rows / elapsed >= DENSE_ROWS_PER_SECOND
            self._rows, self._since = 0, self._since + elapsed


class Journal:
    """Appends usage rows durably, many to a commit. `append`, `close` and the counters belong to the loop's thread.

    `on_committed` gets the rows of each commit on the writer's thread, after the loop was woken; it must be quick (it delays the
    next commit). `max_batch`: rows per commit. `max_waiting`: rows not yet durable, beyond which a row is turned away.
    """

    def __init__(
        self,
        ledger: Ledger,
        loop: asyncio.AbstractEventLoop,
        *,
        intents: EndsIntents | None = None,
        on_committed: Callable[[Sequence[UsageRow]], None] | None = None,
        max_batch: int = 1000,
        max_waiting: int = 100_000,
        backoff: Backoff = Backoff(),  # noqa: B008 - immutable
    ) -> None:
        self.available = True
        """False while rows cannot be written: admission then refuses new calls with 503."""
        self.waiting = 0
        """Rows not durable yet."""
        self.turned_away = 0
        """Rows that were not taken (too many waiting) or that the ledger will never take; their intents stay."""
        self._ledger = ledger
        self._loop = loop
        self._intents = intents
        self._on_committed = on_committed
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._backoff = backoff
        self._crowd = _Crowd()
        self._closed: asyncio.Future[int] | None = None
        self._close_by = 0.0
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="keyhouse-journal", daemon=True)
        self._thread.start()

    def append(self, row: UsageRow, slot: int | None = None) -> asyncio.Future[None]:
        """Resolves when the row is durable; the intent in `slot` is ended then.

        Fails with `LedgerUnavailable` as soon as the ledger is known to be so; the row is still written when it can be.
        """
        durable: asyncio.Future[None] = self._loop.create_future()
        if self._closed is not None or self.waiting >= self._max_waiting:
            self.turned_away += 1
            _log.error("usage row turned away", request_id=row.request_id, waiting=self.waiting)
            durable.set_exception(LedgerUnavailable(_UNAVAILABLE))
            return durable
        self.waiting += 1
        if not self.available:
            durable.set_exception(LedgerUnavailable(_UNAVAILABLE))
        self._queue.put(_Entry(row, slot, durable))
        return durable

    def in_turn(self, step: Callable[[], int]) -> asyncio.Future[int]:
        """Resolves with what `step` returns, run between the rows appended before this call and those appended after it.

        It delays every row behind it. Fails with `LedgerUnavailable` if the step fails, or while rows cannot be written.
        """
        result: asyncio.Future[int] = self._loop.create_future()
        if self._closed is not None or not self.available:
            result.set_exception(LedgerUnavailable(_UNAVAILABLE))
        else:
            self._queue.put(_Turn(step, result))
        return result

    async def close(self, grace_seconds: float = 10.0) -> None:
        """Writes what waits, then ends the thread. Rows appended afterwards are turned away.

        Raises `LedgerUnavailable` if rows could not be written within the grace: the next start charges them from their intents.
        """
        if self._closed is None:
            self._closed = self._loop.create_future()
            self._close_by = time.monotonic() + grace_seconds
            self._queue.put(None)
        unwritten = await asyncio.shield(self._closed)
        self._thread.join()
        if unwritten:
            raise LedgerUnavailable(
                f"{unwritten} usage rows could not be written; the next start charges their intents."
            )

    # --- the writer's thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        held: deque[_Waiting] = deque()
        pause, closing = 0.0, False
        while True:
            closing = self._collect_paused(held, pause, closing) if pause else self._collect(held, closing)
            if self._crowd.is_dense and not (closing or pause):
                time.sleep(LINGER_SECONDS)
                closing = self._collect(held, closing)
            if closing and (not held or (pause and time.monotonic() >= self._close_by)):
                break
            batch = self._batch_of(held)
            self._crowd.count(len(batch))
            if not batch or self._commit(batch, held):
                pause = 0.0
                self._take_turns(held)
                if not held:
                    self.available = True
            else:
                pause = min(pause * 2 or self._backoff.first, self._backoff.longest)
                self._suspend(held)
        self._on_loop(self._end, len(held))

    def _batch_of(self, held: deque[_Waiting]) -> list[_Entry]:
        """The rows at the head, up to whoever waits for a turn."""
        batch: list[_Entry] = []
        for waiting in itertools.islice(held, self._max_batch):
            if isinstance(waiting, _Turn):
                break
            batch.append(waiting)
        return batch

    def _take_turns(self, held: deque[_Waiting]) -> None:
        while held and isinstance(turn := held[0], _Turn):
            held.popleft()
            error = self._guarded(partial(self._take, turn))
            if error is not None:
                self._on_loop(self._fail, [turn.result], _as_unavailable(error))

    def _take(self, turn: _Turn) -> None:
        self._on_loop(self._answer, turn.result, turn.step())

    def _collect(self, held: deque[_Waiting], closing: bool) -> bool:
        """Moves all that is queued to `held`, up to a batch; waits if there is nothing at all. True once closing."""
        wanted = max(self._queue.qsize(), 0 if held or closing else 1)
        for _ in range(min(wanted, self._max_batch - len(held))):
            entry = self._queue.get()
            if entry is None:
                return True
            held.append(entry)
        return closing

    def _collect_paused(self, held: deque[_Waiting], pause: float, closing: bool) -> bool:
        """Waits out the pause, or until asked to close. Who comes meanwhile hears at once how it stands."""
        until = time.monotonic() + pause
        if closing:
            until = min(until, self._close_by)
        while (left := until - time.monotonic()) > 0:
            try:
                entry = self._queue.get(timeout=left)
            except queue.Empty:
                break
            if entry is None:
                return True
            if isinstance(entry, _Entry):
                held.append(entry)
            self._on_loop(self._fail, [entry.result], LedgerUnavailable(_UNAVAILABLE))
        return closing

    def _commit(self, batch: Sequence[_Entry], held: deque[_Waiting]) -> bool:
        """Writes the batch, the head of `held`, and takes it off. False if the ledger is unavailable."""
        rows = [entry.row for entry in batch]
        error = self._guarded(partial(self._ledger.append, rows), len(rows))
        if isinstance(error, LedgerUnavailable):
            return False
        if error is not None and len(batch) > 1:
            # One row that the ledger will never take must not keep the others out.
            return all(self._commit([entry], held) for entry in batch)
        for _ in batch:
            held.popleft()
        if error is not None:
            self._on_loop(self._reject, batch[0])
            return True
        self._on_loop(self._resolve, batch)
        if self._on_committed is not None:
            self._guarded(partial(self._on_committed, rows), len(rows))
        return True

    def _suspend(self, held: deque[_Waiting]) -> None:
        waiting = list(held)
        held.clear()
        held.extend(entry for entry in waiting if isinstance(entry, _Entry))
        if self.available:
            _log.error("the ledger cannot be written; calls are refused until it can", rows_held=len(held))
        self.available = False
        self._on_loop(self._fail, [entry.result for entry in waiting], LedgerUnavailable(_UNAVAILABLE))

    def _guarded(self, step: Callable[[], object], rows: int = 0) -> Exception | None:
        try:
            step()
        except LedgerUnavailable as error:
            return error
        except Exception as error:  # a background loop's border: without this thread every call would hang
            _log.exception("the journal's writer met a fault", rows=rows)
            return error
        return None

    def _on_loop(self, step: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(step, *arguments)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    # --- back on the loop --------------------------------------------------------------------------------------------

    def _resolve(self, batch: Sequence[_Entry]) -> None:
        self.waiting -= len(batch)
        for _, slot, durable in batch:
            if slot is not None and self._intents is not None:
                self._intents.end(slot)
            if not durable.done():
                durable.set_result(None)

    def _answer(self, result: asyncio.Future[int], value: int) -> None:
        if not result.done():
            result.set_result(value)

    def _fail(self, futures: Sequence[asyncio.Future[Any]], error: Exception) -> None:
        for future in futures:
            if not future.done():
                future.set_exception(error)

    def _reject(self, entry: _Entry) -> None:
        self.waiting -= 1
        self.turned_away += 1
        _log.error("the ledger will not take this usage row", request_id=entry.row.request_id)
        self._fail([entry.result], LedgerUnavailable(_UNAVAILABLE))

    def _end(self, unwritten: int) -> None:
        if self._closed is not None:
            self._closed.set_result(unwritten)


def _as_unavailable(error: Exception) -> LedgerUnavailable:
    return error if isinstance(error, LedgerUnavailable) else LedgerUnavailable(_UNAVAILABLE)
