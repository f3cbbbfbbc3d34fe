"""Authenticated calls that were refused, in a log whose size is bounded whatever comes in.

A refusal costs the call an append to a queue. A thread writes what came together once a second, `per_flush` entries at most; the
others of that second are only counted. The store keeps the newest `keep` of an organization. The log is a convenience, not the
ledger: what cannot be written is counted as dropped, and calls go on.
"""

from __future__ import annotations

import threading
from collections import deque

import structlog

from keyhouse.domain.usage import RefusedCall
from keyhouse.store.contract import Store

_log = structlog.get_logger(__name__)


class RefusalLog:
    """`noted`, `written` and `dropped` count refusals since the start; the rest is about to be written."""

    def __init__(
        self, store: Store, *, keep: int = 10_000, per_flush: int = 100, interval_seconds: float = 1.0
    ) -> None:
        self.noted = 0
        self.written = 0
        self._overflowed = 0
        self._failed = 0
        self._store = store
        self._keep = keep
        self._per_flush = per_flush
        self._interval_seconds = interval_seconds
        self._waiting: deque[RefusedCall] = deque()
        self._flushing = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keyhouse-refusals", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        return self._overflowed + self._failed

    def note(self, refused: RefusedCall) -> None:
        """Remembers the refusal for the next flush, or counts it as dropped if that is full. From the loop's thread."""
        self.noted += 1
        if len(self._waiting) < self._per_flush:
            self._waiting.append(refused)
        else:
            self._overflowed += 1

    def flush(self) -> None:
        """Writes what waits. From any thread. Raises what the store raises; the batch counts as dropped then."""
        with self._flushing:
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not batch:
                return
            self._failed += len(batch)
            with self._store.write() as transaction:
                transaction.refusals.append(batch, keep=self._keep)
            self._failed -= len(batch)
            self.written += len(batch)

    def close(self) -> None:
        """Ends the thread after a last flush."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.wait(self._interval_seconds)
            try:
                self.flush()
            except Exception:  # a background loop's border: the log must not end because the disk was full once
                _log.exception("refused calls could not be logged", dropped=self.dropped)
