"""A clock that ticks at a constant rate, to within tens of microseconds: an event loop's own timers round to milliseconds."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import time
from collections.abc import Callable

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLOCK_MONOTONIC = 1
_AT_ABSOLUTE_TIME = 1
_BILLION = 1_000_000_000


class Ticker:
    """Calls `on_tick` with the time (monotonic nanoseconds) at which each tick was due, late or not, until stopped."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rate: int, on_tick: Callable[[int], None]) -> None:
        self._loop = loop
        self._period_ns = _BILLION // rate
        self._on_tick = on_tick
        self._next_ns = time.monotonic_ns() + self._period_ns
        self._fd = _LIBC.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        # struct itimerspec of timerfd_create(2): the interval, then the first expiry.
        spec = struct.pack("4l", *divmod(self._period_ns, _BILLION), *divmod(self._next_ns, _BILLION))
        if _LIBC.timerfd_settime(self._fd, _AT_ABSOLUTE_TIME, spec, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        loop.add_reader(self._fd, self._expired)

    def stop(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _expired(self) -> None:
        (expirations,) = struct.unpack("Q", os.read(self._fd, 8))
        for _ in range(expirations):
            due = self._next_ns
            self._next_ns += self._period_ns
            self._on_tick(due)
