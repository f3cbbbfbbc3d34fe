"""A deadline that is moved far more often than it passes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

_NEVER = math.inf
_CLOCK_SECONDS = 0.001
"""The loop's clock may be this coarse."""


class Deadline:
    """Moving it costs an assignment: the one timer behind it rings at the earliest deadline it ever had since it last
    rang, and then sleeps on until the present one.
    """

    __slots__ = ("_at", "_loop", "_on_passed", "_rings_at", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_passed: Callable[[], None]) -> None:
        self._loop = loop
        self._on_passed: Callable[[], None] | None = on_passed
        self._at = _NEVER
        self._rings_at = _NEVER
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """From now on; replaces the one before."""
        self._at = at = self._loop.time() + seconds
        if at < self._rings_at:
            self._arm()

    def push(self, seconds: float) -> None:
        """As `set`, where the deadline before was set with no more seconds: it moves away, and the timer may stay as it is."""
        self._at = self._loop.time() + seconds

    def clear(self) -> None:
        self._at = _NEVER

    def cancel(self) -> None:
        """For good: lets go of the timer and of the callback."""
        self._at = _NEVER
        self._on_passed = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = self._at
        self._timer = self._loop.call_at(self._at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._rings_at = _NEVER
        if self._at == _NEVER:
            return
        if self._loop.time() + _CLOCK_SECONDS < self._at:
            self._arm()
        elif self._on_passed is not None:
            self._at = _NEVER
            self._on_passed()
