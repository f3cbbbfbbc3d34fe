"""The outbox at work: each notice that is due is attempted, until it is delivered or three days have passed.

1. At least once: a notice is marked delivered after the receiver has taken it. Its id is the same at each attempt, so that a
   receiver can drop a double.
2. Notices of one lane (a receiver's origin, the mail server) go one after the other, and lanes beside each other: a receiver
   that is down or slow holds up nobody else.
3. An attempt is claimed for `CLAIM_SECONDS`: what a crash cut is attempted again after that, and two gateways never attempt the
   same at once.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Mapping

import structlog

from keyhouse.domain.notices import Notice, NoticeKind
from keyhouse.store.contract import Store
from keyhouse.watch.delivery import Deliver, NotDeliveredError

_log = structlog.get_logger(__name__)

CLAIM_SECONDS = 120
FIRST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 3600
KEEP_TRYING_SECONDS = 3 * 86_400
LANES_AT_ONCE = 8
CLOSE_SECONDS = 3.0
_MOST_ATTEMPTS = 500
"""More than three days hold: attempts whose end could never be noted."""


class Outbox:
    """Delivers what is due, each attempt in a thread of its own. `clock` gives Unix seconds; `jitter` numbers in [0, 1)."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        deliver: Mapping[NoticeKind, Deliver],
        *,
        jitter: Callable[[], float] = random.random,
        lanes: int = LANES_AT_ONCE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._deliver = deliver
        self._jitter = jitter
        self._lanes = lanes
        self._lock = threading.Lock()
        self._running: dict[str, threading.Thread] = {}
        self.on_settled: Callable[[], None] = lambda: None
        """Called from any thread when an attempt has ended: there is room for another."""

    def turn(self) -> int | None:
        """Begins what is due and has room; returns when (Unix seconds) the next one is due, None if nothing waits or all lanes
        are taken."""
        now = self._clock()
        with self._lock:
            busy = set(self._running)
        room = self._lanes - len(busy)
        if room <= 0:
            return None
        with self._store.read() as tx:
            due = tx.notices.next_attempt_at()
        if due is None or due > now:
            return due
        with self._store.write() as tx:
            claimed = tx.notices.claim(now, now + CLAIM_SECONDS, room, busy)
        for notice in claimed:
            self._begin(notice)
        return None if not claimed else now

    def close(self) -> None:
        """Waits a little for the attempts that run. What has not ended by then is attempted again by whoever comes next."""
        deadline = time.monotonic() + CLOSE_SECONDS
        with self._lock:
            running = list(self._running.values())
        for thread in running:
            thread.join(max(deadline - time.monotonic(), 0))

    def _begin(self, notice: Notice) -> None:
        thread = threading.Thread(target=self._attempt, args=(notice,), name="keyhouse-notice", daemon=True)
        with self._lock:
            self._running[notice.lane] = thread
        thread.start()

    def _attempt(self, notice: Notice) -> None:
        try:
            self._note(notice, self._failure(notice))
        except Exception:  # a background loop's border: the claim runs out, and the notice is attempted again
            _log.exception("the end of a notice's attempt could not be noted", notice=notice.id)
        finally:
            with self._lock:
                del self._running[notice.lane]
            self.on_settled()

    def _failure(self, notice: Notice) -> NotDeliveredError | None:
        if notice.attempts > _MOST_ATTEMPTS:
            return NotDeliveredError("No attempt ever ended.", final=True)
        try:
            self._deliver[notice.kind](notice)
        except NotDeliveredError as error:
            return error
        return None

    def _note(self, notice: Notice, failure: NotDeliveredError | None) -> None:
        now = self._clock()
        with self._store.write() as tx:
            if failure is None:
                tx.notices.delivered(notice.id, now)
                return
            again = now + pause_after(notice.attempts, self._jitter())
            final = failure.final or again > notice.created_at + KEEP_TRYING_SECONDS
            if final:
                tx.notices.give_up(notice.id, now, str(failure))
            else:
                tx.notices.put_off(notice.id, again, str(failure))
        if final:
            _log.warning("a notice was given up", notice=notice.id, attempts=notice.attempts, reason=str(failure))


def pause_after(attempts: int, jitter: float) -> int:
    """Seconds until the next attempt after so many: 1, 2, 4 … 3,600, of which `jitter` takes off up to a half."""
    whole = min(FIRST_PAUSE_SECONDS << min(attempts - 1, 20), LONGEST_PAUSE_SECONDS)
    return math.ceil(whole * (1 - jitter / 2))
