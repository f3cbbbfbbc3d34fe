"""Rate counters side by side with an oracle that remembers every event, and random bursts to drive both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from keyhouse.domain.levels import Level
from keyhouse.domain.limits import DAY, NO_LIMIT, Amounts, LimitKind, LimitName, RateLimit
from keyhouse.policy.counters import RateLimited, Ticket
from keyhouse.policy.windows import WindowCounters
from tests.policy.rates import (
    BATCH,
    DAILY,
    IMAGES,
    REQUESTS,
    TOKENS,
    Clock,
    Event,
    Seen,
    asked,
    by_the_second,
    limit,
    to_the_millisecond,
)

SOME_CALLS_ONLY = {IMAGES, LimitKind.AUDIO_MEGABYTES_PER_MINUTE, BATCH}
MERGED = 60
"""Seconds that a full day's window may be late."""


class Name:
    """What one name has seen: `exact` to the millisecond, `cells` by the second, `late` as late as it may ever be."""

    def __init__(self, window: int) -> None:
        self.exact = to_the_millisecond(window)
        self.cells = by_the_second(window)
        self.late = by_the_second(window, MERGED) if window == DAY else self.cells
        self._each: set[Seen] = {self.exact, self.cells, self.late}

    def add(self, event: Event) -> None:
        for seen in self._each:
            seen.add(event)

    def lessen(self, event: Event, now_ms: int, by: int) -> None:
        for seen in self._each:
            seen.lessen(event, now_ms, by)
        event.amount -= by


class Taken:
    def __init__(self, ticket: Ticket, events: list[tuple[RateLimit, Event]]) -> None:
        self.ticket = ticket
        self.events = events


@dataclass
class Compared:
    """`call`, `correct` and `give_back` as the counters have them; each fails where the counters and the oracle differ."""

    clock: Clock = field(default_factory=Clock)
    calls: int = 0
    admitted: int = 0
    waited: int = 0
    overfull: int = 0
    """Calls that met a window above its limit: after a correction upward, or a limit lowered."""

    def __post_init__(self) -> None:
        self.counters = WindowCounters(self.clock)
        self.names: dict[LimitName, Name] = {}

    async def call(self, limits: Sequence[RateLimit], amounts: Amounts) -> Taken | int | None:
        """What was taken, or how many milliseconds to wait, None for ever."""
        self.calls += 1
        concerned = [
            (held, amount, self._name(held.name))
            for held in limits
            if (amount := asked(amounts, held.name.kind)) or held.name.kind not in SOME_CALLS_ONLY
        ]
        now_ms = self.clock.now_ms
        try:
            ticket = await self.counters.take(limits, amounts)
        except RateLimited as limited:
            assert any(held.limit <= 0 or name.late.total(now_ms) + n > held.limit for held, n, name in concerned)
            self.overfull += any(name.cells.total(now_ms) > held.limit > 0 for held, _, name in concerned)
            told, certain = limited.retry_after_ms, all(name.late is name.cells for *_, name in concerned)
            assert not certain or told == self._longest(concerned)
            return told
        self.admitted += 1
        events = []
        for held, amount, name in concerned:
            events.append((held, Event(now_ms, amount)))
            name.add(events[-1][1])
            assert name.cells.total(now_ms) <= held.limit
            assert name.exact.total(now_ms) <= held.limit  # the promise: no window that ends here is over the limit
        return Taken(ticket, events)

    async def correct(self, taken: Taken, amounts: Amounts) -> None:
        await self.counters.correct(taken.ticket, amounts)
        counted = dict(taken.events)
        for held in taken.ticket.limits:
            before, really = asked(taken.ticket.amounts, held.name.kind), asked(amounts, held.name.kind)
            if really > before:
                self._name(held.name).add(Event(self.clock.now_ms, really - before))
            elif really < before:
                self._name(held.name).lessen(counted[held], self.clock.now_ms, before - really)
            self.look_at(held)

    async def give_back(self, taken: Taken) -> None:
        await self.counters.give_back(taken.ticket)
        for held, event in taken.events:
            self._name(held.name).lessen(event, self.clock.now_ms, event.amount)
            self.look_at(held)

    async def wait(self, limits: Sequence[RateLimit], amounts: Amounts, wait_ms: int) -> Taken:
        """Waits as told, nobody else coming: not served a millisecond too early, and served then."""
        self.waited += 1
        self.clock.go(wait_ms - 1)
        assert await self.call(limits, amounts) == 1
        self.clock.go(1)
        taken = await self.call(limits, amounts)
        assert isinstance(taken, Taken)
        return taken

    def look_at(self, held: RateLimit) -> None:
        name, now_ms = self._name(held.name), self.clock.now_ms
        standing = self.counters.standing(held)
        most, least = held.limit - name.cells.total(now_ms), held.limit - name.late.total(now_ms)
        assert max(0, least) <= standing.remaining <= max(0, most)

    def _name(self, name: LimitName) -> Name:
        found = self.names.get(name)
        if found is None:
            found = self.names[name] = Name(name.kind.window)
        return found

    def _longest(self, concerned: list[tuple[RateLimit, int, Name]]) -> int | None:
        now_ms = self.clock.now_ms
        if any(amount > held.limit or held.limit <= 0 for held, amount, _ in concerned):
            return None
        excesses = ((name, name.cells.total(now_ms) + amount - held.limit) for held, amount, name in concerned)
        return max(name.cells.wait_ms(now_ms, excess) for name, excess in excesses if excess > 0)


LIMITS: dict[tuple[Level, LimitKind], tuple[int, ...]] = {
    (Level.ORGANIZATION, REQUESTS): (400, 150),
    (Level.ORGANIZATION, TOKENS): (60_000, 20_000, NO_LIMIT),
    (Level.PROJECT, REQUESTS): (120, 60, 2**31),
    (Level.PROJECT, TOKENS): (20_000, 9_000),
    (Level.PROJECT, IMAGES): (20, 0, 3),
    (Level.PROJECT, DAILY): (20_000, 50_000, 3_000),
    (Level.KEY, REQUESTS): (40, 10, 1, 0),
    (Level.KEY, TOKENS): (8_000, 2**31, 500),
    (Level.KEY, DAILY): (10_000, 1_500),
}
_GAPS_MS = (0, 0, 1, 7, 40, 250, 999, 1_000, 1_001, 3_000, 11_000, 29_999, 61_000)


class Bursts:
    """Callers of 12 keys in 3 projects, whose limits change now and then; who is told to wait does so now and then."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.compared = Compared()
        self.open: list[Taken] = []
        self.limits = {
            (level, scope, kind): limit(values[0], kind, level, scope)
            for (level, kind), values in LIMITS.items()
            for scope in _scopes(level)
        }

    async def run(self, calls: int) -> Compared:
        while self.compared.calls < calls:
            await self._burst()
        return self.compared

    async def _burst(self) -> None:
        random = self.random
        self.compared.clock.go(random.choice(_GAPS_MS) if random.random() > 0.002 else random.randrange(7_200_000))
        if random.random() < 0.01:
            where = random.choice(list(self.limits))
            self.limits[where] = self.limits[where]._replace(limit=random.choice(LIMITS[where[0], where[2]]))
        for _ in range(random.choice((1, 1, 2, 5, 20, 80))):
            await self._call()
            if random.random() < 0.1:
                self.compared.clock.go(random.randrange(30))
        while len(self.open) > 50 or (self.open and random.random() < 0.8):
            await self._settle(self.open.pop(random.randrange(len(self.open))))

    async def _call(self) -> None:
        key = self.random.randrange(12)
        scopes = ("org_a", f"proj_{key % 3}", f"key_{key}")
        limits = [held for (_, scope, _), held in self.limits.items() if scope in scopes]
        amounts = Amounts(1, self.random.choice((0, 10, 200, 1_000)), self.random.choice((0, 0, 0, 1, 4)))
        answer = await self.compared.call(limits, amounts)
        if isinstance(answer, int) and self.random.random() < 0.02:
            answer = await self.compared.wait(limits, amounts, answer)
        if isinstance(answer, Taken):
            self.open.append(answer)

    async def _settle(self, taken: Taken) -> None:
        how = self.random.random()
        if how < 0.1:
            await self.compared.give_back(taken)
        elif how < 0.8:
            tokens, images = taken.ticket.amounts.tokens, taken.ticket.amounts.images
            really = self.random.choice((0, tokens // 3, tokens, tokens + 50, tokens * 2))
            await self.compared.correct(taken, Amounts(1, really, self.random.choice((images, 0, images + 1))))


def _scopes(level: Level) -> list[str]:
    if level is Level.ORGANIZATION:
        return ["org_a"]
    return [f"proj_{n}" for n in range(3)] if level is Level.PROJECT else [f"key_{n}" for n in range(12)]
