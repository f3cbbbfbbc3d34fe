"""A clock in the test's hand, limits to count with, and an oracle that remembers every event."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from keyhouse.domain.levels import Level
from keyhouse.domain.limits import Amounts, LimitKind, LimitName, RateLimit

REQUESTS = LimitKind.REQUESTS_PER_MINUTE
TOKENS = LimitKind.TOKENS_PER_MINUTE
IMAGES = LimitKind.IMAGES_PER_MINUTE
DAILY = LimitKind.REQUESTS_PER_DAY
BATCH = LimitKind.BATCH_INPUT_TOKENS_PER_DAY
PART = {
    REQUESTS: "requests",
    TOKENS: "tokens",
    IMAGES: "images",
    LimitKind.AUDIO_MEGABYTES_PER_MINUTE: "audio_megabytes",
    DAILY: "requests",
    BATCH: "batch_input_tokens",
}


class Clock:
    """Milliseconds, from an odd beginning; stands still until it is told to go."""

    def __init__(self, now_ms: int = 7_654_321) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def go(self, milliseconds: int) -> None:
        assert milliseconds >= 0
        self.now_ms += milliseconds


def limit(most: int, kind: LimitKind = REQUESTS, level: Level = Level.PROJECT, scope: str = "proj_a") -> RateLimit:
    return RateLimit(LimitName(level, scope, "" if level is Level.KEY else "gpt-4o", kind), most)


def asked(amounts: Amounts, kind: LimitKind) -> int:
    amount: int = getattr(amounts, PART[kind])
    return amount


class Event:
    """Something that was taken, and how much of it counts."""

    __slots__ = ("amount", "at_ms")

    def __init__(self, at_ms: int, amount: int) -> None:
        self.at_ms = at_ms
        self.amount = amount


class Seen:
    """Every event of one name, and what those that count now add up to. `last_ms`: when an event of a time counts last."""

    def __init__(self, last_ms: Callable[[int], int]) -> None:
        self._last_ms = last_ms
        self._events: deque[Event] = deque()
        self._total = 0

    def add(self, event: Event) -> None:
        self._events.append(event)
        self._total += event.amount

    def lessen(self, event: Event, now_ms: int, by: int) -> None:
        self._forget(now_ms)
        if now_ms <= self._last_ms(event.at_ms):
            self._total -= by

    def total(self, now_ms: int) -> int:
        self._forget(now_ms)
        return self._total

    def wait_ms(self, now_ms: int, excess: int) -> int:
        """Until so much of it counts no more."""
        self._forget(now_ms)
        for event in self._events:
            if excess <= 0:
                break
            excess -= event.amount
            end = self._last_ms(event.at_ms) + 1
        return end - now_ms

    def _forget(self, now_ms: int) -> None:
        while self._events and self._last_ms(self._events[0].at_ms) < now_ms:
            self._total -= self._events.popleft().amount


def to_the_millisecond(window: int) -> Seen:
    """What lies in the last `window` seconds, both ends included."""
    return Seen(lambda at_ms: at_ms + window * 1000)


def by_the_second(window: int, late: int = 0) -> Seen:
    """What may lie in the last `window` seconds of somebody who knows only the second of each event; `late` seconds more."""
    return Seen(lambda at_ms: (at_ms // 1000 + window + 1 + late) * 1000 - 1)
