"""How far a stream may go on the money that is reserved for it.

1. A bound that the caller declared was reserved whole. A stream whose upstream keeps to it is never stopped; one whose upstream
   does not is stopped at most a slice beyond.
2. Where none was declared the money comes in slices: while there is money a stream takes the next one before it needs it; at the
   end of the money it is stopped at the last token that is paid for.
3. A token covers at least one byte of text, so bytes tell cheaply that a stream is within its allowance. Only where they cannot
   tell any more are tokens counted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

_FEW_EVENTS = 4


class Streamed(Protocol):
    """What an allowance needs of a stream: its bytes and events so far, and what the model wrote."""

    size: int
    events: int
    smallest: int
    """Bytes of the smallest piece."""

    def texts(self) -> list[str]: ...


class Allowance:
    """`tokens` of output are paid for; `slack` more may pass unpaid, where the caller declared a bound that the
    upstream must keep. `take_slice` pays for `slice_tokens` more, or says that there is no money. `count`
    counts a text's tokens.

    A stream is within its allowance while size - events * envelope <= look_at; then `look` must be asked.
    """

    __slots__ = (
        "_content",
        "_count",
        "_counted",
        "_seen",
        "_slack",
        "_slice",
        "_take_slice",
        "_uncounted",
        "_uncounted_bytes",
        "envelope",
        "look_at",
        "paid",
    )

    def __init__(
        self,
        tokens: int,
        slack: int,
        slice_tokens: int,
        take_slice: Callable[[], Awaitable[bool]],
        count: Callable[[str], Awaitable[int]],
    ) -> None:
        self.paid = tokens
        self.look_at = tokens + slack
        self.envelope = 0
        """Bytes of an event that are surely no content."""
        self._slack = slack
        self._slice = slice_tokens
        self._take_slice = take_slice
        self._count = count
        self._seen = 0
        self._content = 0
        self._counted = 0
        """Tokens of the texts that were counted; those of the others are at most their bytes."""
        self._uncounted: list[str] = []
        self._uncounted_bytes = 0

    async def look(self, stream: Streamed) -> bool:
        """Whether what has arrived may be forwarded. Sets when to look again."""
        self._read(stream)
        if self._slack:
            if self._left() < 0:
                await self._count_all()
        elif self._left() < self._slice // 2:
            await self._pay()
        while self._left() < 0:
            if not await self._pay():
                if not self._uncounted:
                    return False
                await self._count_all()
        self.envelope = self._envelope(stream)
        self.look_at = stream.size - stream.events * self.envelope + self._left()
        return True

    def _envelope(self, stream: Streamed) -> int:
        """Events of one stream hardly differ but in their content, and a sixteenth is left for those that do. Yet the first ones
        may be larger than all others: of few events nothing is concluded, and no event is smaller than its envelope."""
        if stream.events < _FEW_EVENTS:
            return 0
        mean = (stream.size - self._content) // stream.events
        return min(mean, stream.smallest) * 15 // 16

    def _left(self) -> int:
        """Tokens that may still come, at the least."""
        return self.paid + self._slack - self._counted - self._uncounted_bytes

    async def _pay(self) -> bool:
        if not await self._take_slice():
            return False
        self.paid += self._slice
        return True

    def _read(self, stream: Streamed) -> None:
        texts = stream.texts()
        new = texts[self._seen :]
        self._seen = len(texts)
        size = sum(len(text) if text.isascii() else len(text.encode("utf-8", "replace")) for text in new)
        self._content += size
        self._uncounted += new
        self._uncounted_bytes += size

    async def _count_all(self) -> None:
        text = "".join(self._uncounted)
        self._uncounted.clear()
        self._uncounted_bytes = 0
        self._counted += await self._count(text)
