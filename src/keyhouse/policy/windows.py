"""Rate counters in this process's memory: a sliding window for each name.

The promise: in no 60 s (24 h), wherever they begin, is more let in than the limit. One algorithm for both lengths: it counts in
cells of a second (`cells.py`), so that a place comes free up to a second late and never early.

Only the monotonic clock is asked: a wall clock that jumps does nothing. No verb waits, so each is whole: nobody sees half of it.
A window that is empty is forgotten; nothing runs in the background.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from keyhouse.domain.limits import DAY, MINUTE, Amounts, LimitKind, LimitName, RateLimit
from keyhouse.policy.cells import CELL_MS, Window
from keyhouse.policy.counters import SHOWN, RateLimited, Standing, Ticket

_LOOKED_AT = 32
"""Windows of a length that a call looks at, to forget those that are empty: more than it can open, so that they never pile up."""
_REMEMBERED = 10_000
"""Sequences of limits whose windows are known without looking for each."""
_NEVER = sys.maxsize
_REQUESTS, _TOKENS, _IMAGES, _AUDIO, _BATCH = range(len(Amounts._fields))
_PARTS = {
    LimitKind.REQUESTS_PER_MINUTE: _REQUESTS,
    LimitKind.TOKENS_PER_MINUTE: _TOKENS,
    LimitKind.IMAGES_PER_MINUTE: _IMAGES,
    LimitKind.AUDIO_MEGABYTES_PER_MINUTE: _AUDIO,
    LimitKind.REQUESTS_PER_DAY: _REQUESTS,
    LimitKind.BATCH_INPUT_TOKENS_PER_DAY: _BATCH,
}
_SOME_CALLS_ONLY = {_IMAGES, _AUDIO, _BATCH}
"""A call that has none of these is not held to their limits: a key that may make no images may still chat."""


class _Found(NamedTuple):
    """The windows of the limits that calls of one key and model name again and again, found once. `shown`: of `windows`, by the
    name under which they are shown. It holds while no window has been forgotten since (`forgotten`)."""

    limits: Sequence[RateLimit]
    windows: Sequence[tuple[Window, int, int]]
    """With the part of a call's amounts that each counts, and its limit."""
    parts: Sequence[tuple[int, Sequence[Window]]]
    shown: Sequence[tuple[str, Sequence[tuple[Window, int]]]]
    forgotten: int


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class WindowCounters:
    """The embedded `RateCounters`. For one event loop; what `clock_ms` says never decreases."""

    def __init__(self, clock_ms: Callable[[], int] = monotonic_ms) -> None:
        self._clock_ms = clock_ms
        self._windows: dict[LimitName, Window] = {}
        # By length, in the order in which they fall due: (cell in which a window may be empty, its name).
        self._queues: dict[int, deque[tuple[int, LimitName]]] = {MINUTE: deque(), DAY: deque()}
        self._due = _NEVER
        self._found: dict[int, _Found] = {}
        self._forgotten = 0

    async def take(self, limits: Sequence[RateLimit], amounts: Amounts) -> Ticket:
        now_ms = self._clock_ms()
        cell = now_ms // CELL_MS
        if cell >= self._due:
            self._forget_empty(cell)
        for taken, (window, part, most) in enumerate(self._windows_of(limits, cell).windows):
            amount = amounts[part]
            used = window.used + amount
            if window.newest == cell <= window.until and 0 < most >= used:  # what `Window.take` does nearly every time
                window.amounts[-1] += amount
                window.used = used
            elif not window.take(cell, amount, most) and (amount or part not in _SOME_CALLS_ONLY):
                raise self._refused(limits, amounts, now_ms, taken)
        return Ticket(limits, amounts, now_ms)

    async def correct(self, ticket: Ticket, amounts: Amounts) -> None:
        cell, taken_in = self._clock_ms() // CELL_MS, ticket.at_ms // CELL_MS
        taken = ticket.amounts
        for part, windows in self._windows_of(ticket.limits, cell).parts:
            used, was = amounts[part], taken[part]
            if used == was:
                continue
            by = (used if used > 0 else 0) - was  # noqa: FURB136 - for every call
            if by > 0:
                for window in windows:
                    window.add(cell, by)
                continue
            for window in windows:
                held = window.amounts
                if held and taken_in == window.newest and cell <= window.until and held[-1] + by >= 0:
                    held[-1] += by  # what `Window.free` does nearly every time
                    window.used += by
                else:
                    window.free(cell, taken_in, -by)

    async def give_back(self, ticket: Ticket) -> None:
        cell, taken_in = self._clock_ms() // CELL_MS, ticket.at_ms // CELL_MS
        for window, part, _ in self._windows_of(ticket.limits, cell).windows:
            window.free(cell, taken_in, ticket.amounts[part])

    def shown(self, limits: Sequence[RateLimit]) -> Sequence[tuple[str, int, int, int]]:
        now_ms = self._clock_ms()
        cell = now_ms // CELL_MS
        shown = []
        for what, windows in self._windows_of(limits, cell).shown:
            least, limit, chosen = _NEVER, 0, windows[0][0]
            for window, most in windows:
                room = most - (window.used_at(cell) if cell > window.until else window.used)
                if room < least:
                    least, limit, chosen = room, most, window
            shown.append((what, limit, least if least > 0 else 0, chosen.reset_ms(now_ms)))  # noqa: FURB136 - for every call
        return shown

    def standing(self, limit: RateLimit) -> Standing:
        name, most = limit
        window = self._windows.get(name)
        if window is None:
            return Standing(most, max(0, most), 0)
        reset_ms = window.reset_ms(self._clock_ms())
        return Standing(most, max(0, most - window.used), reset_ms)

    def restore(self, name: LimitName, taken: Iterable[tuple[int, int]]) -> None:
        """Goes on from what was taken before this process began: (milliseconds ago, amount), in any order."""
        now_ms = self._clock_ms()
        window = self._windows.get(name) or self._open(name, now_ms // CELL_MS)
        window.restore(((now_ms - max(0, ago_ms)) // CELL_MS, amount) for ago_ms, amount in taken)

    def __len__(self) -> int:
        """How many windows are held."""
        return len(self._windows)

    def _open(self, name: LimitName, cell: int) -> Window:
        length = name.kind.window
        self._windows[name] = window = Window(length, _PARTS[name.kind], cell)
        self._queues[length].append((cell + length + 1, name))
        self._due = min(self._due, cell + length + 1)
        return window

    def _windows_of(self, limits: Sequence[RateLimit], cell: int) -> _Found:
        found = self._found.get(id(limits))
        if found is None or found.limits is not limits or found.forgotten != self._forgotten:
            found = self._find(limits, cell)
        return found

    def _find(self, limits: Sequence[RateLimit], cell: int) -> _Found:
        windows: list[tuple[Window, int, int]] = []
        parts: dict[int, list[Window]] = {}
        shown: dict[str, list[tuple[Window, int]]] = {}
        for name, most in limits:
            window = self._windows.get(name) or self._open(name, cell)
            windows.append((window, window.part, most))
            parts.setdefault(window.part, []).append(window)
            if name.kind in SHOWN:
                shown.setdefault(SHOWN[name.kind], []).append((window, most))
        if len(self._found) >= _REMEMBERED:
            self._found.clear()
        self._found[id(limits)] = found = _Found(
            limits, windows, tuple(parts.items()), tuple(shown.items()), self._forgotten
        )
        return found

    def _refused(self, limits: Sequence[RateLimit], amounts: Amounts, now_ms: int, taken: int) -> RateLimited:
        """Frees what the call has taken of its first `taken` limits, and names the limit that needs the longest wait."""
        for name, _ in limits[:taken]:
            window = self._windows[name]
            window.free(now_ms // CELL_MS, now_ms // CELL_MS, amounts[window.part])
        waits = [(self._wait_ms(limit, amounts, now_ms), limit) for limit in limits]
        wait_ms, limit = max(waits, key=lambda wait: _NEVER if wait[0] is None else wait[0])
        return RateLimited(limit, amounts[_PARTS[limit.name.kind]], wait_ms)

    def _wait_ms(self, limit: RateLimit, amounts: Amounts, now_ms: int) -> int | None:
        (name, most), part = limit, _PARTS[limit.name.kind]
        if not amounts[part] and part in _SOME_CALLS_ONLY:
            return 0
        window = self._windows.get(name) or self._open(name, now_ms // CELL_MS)
        return window.wait_ms(now_ms, amounts[part], most)

    def _forget_empty(self, cell: int) -> None:
        for length, queue in self._queues.items():
            for _ in range(_LOOKED_AT):
                if not queue or queue[0][0] > cell:
                    break
                name = queue.popleft()[1]
                window = self._windows[name]
                window.expire(cell)
                if window.used:
                    queue.append((cell + length + 1, name))
                else:
                    del self._windows[name]
                    self._forgotten += 1
        self._due = min((queue[0][0] for queue in self._queues.values() if queue), default=_NEVER)
