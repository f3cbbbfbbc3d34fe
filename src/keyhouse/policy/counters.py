"""Rate counters, as the gate sees them: one contract, which the embedded and every shared form keep.

`tests/policy/test_counters.py` holds each implementation to it. The promise: whatever calls come, in whatever order they settle,
no window of a limit's length ever holds more than the limit of what was taken at admission; a call that is refused takes nothing
from any limit; and who is told to wait, and waits so long, is served unless others were faster.

The verbs are coroutines because a shared form may have to ask another machine; the embedded form never waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from keyhouse.domain.limits import Amounts, LimitKind, RateLimit


class Ticket(NamedTuple):
    """What a call has taken, for `correct` or `give_back`. `at_ms`: when, on the counters' own clock, which never jumps."""

    limits: Sequence[RateLimit]
    amounts: Amounts
    at_ms: int


SHOWN = {
    LimitKind.REQUESTS_PER_DAY: "requests",
    LimitKind.REQUESTS_PER_MINUTE: "requests",
    LimitKind.TOKENS_PER_MINUTE: "tokens",
}
"""Under which name a kind of limit is shown."""


class Standing(NamedTuple):
    """One limit as the `x-ratelimit-*` headers show it. `reset_ms`: until the window would be empty without another call."""

    limit: int
    remaining: int
    reset_ms: int


class RateLimited(Exception):  # noqa: N818 - named for what happened
    """A limit would be passed. `retry_after_ms` is None where waiting cannot help: the call alone asks for more."""

    def __init__(self, limit: RateLimit, asked: int, retry_after_ms: int | None) -> None:
        super().__init__(f"{limit.name.kind.noun} of {limit.name.level.value} {limit.name.id}")
        self.limit = limit
        self.asked = asked
        self.retry_after_ms = retry_after_ms


class RateCounters(Protocol):
    async def take(self, limits: Sequence[RateLimit], amounts: Amounts) -> Ticket:
        """Takes from every limit, or from none. Raises `RateLimited` for the limit that needs the longest wait.

        Names are distinct, amounts not negative, limits below 2**63. A call without tokens still needs a window of tokens that
        is not above its limit; one without images, audio or batch input is not held to their limits."""
        ...

    async def correct(self, ticket: Ticket, amounts: Amounts) -> None:
        """What the call really used is known. What it took too much is free again at once; what it took too little counts from
        now on, and nothing is admitted until the window is under its limit again."""
        ...

    async def give_back(self, ticket: Ticket) -> None:
        """The call never was: refused further on, before anything was done for it."""
        ...

    def shown(self, limits: Sequence[RateLimit]) -> Sequence[tuple[str, int, int, int]]:
        """Under `requests` and `tokens`, where one of these has them: the one with the least room, as OpenAI's headers show it,
        with the fields of its `Standing`. Never waits."""
        ...

    def standing(self, limit: RateLimit) -> Standing:
        """Where a limit stands now, for a header. Never waits."""
        ...
