"""One sliding window, counted in cells of a second.

    cell = floor(time in seconds)      counts while  now's cell <= cell + window

1. What is taken belongs to the cell of its time, and counts until that whole cell is longer ago than the window. So whoever looks
   at any `window` seconds, wherever they begin, sees no more than this count let in; a place comes free up to a second late.
2. What a call took too much is freed from its own cell; what it took too little is added to the current one.
3. A window never holds more than `MOST_CELLS` cells. Beyond, neighbours in the same minute of a day's window become one and count
   as the newest of them: a place comes free up to a minute late, never early.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

CELL_MS = 1000
MOST_CELLS = 2048
"""What a window may hold: 32 KiB."""
_GRAINS = 1440
"""A window whose cells were merged has so many at most, and one more at either end."""
_MOST = 2**63 - 1
_NEVER = sys.maxsize


class Window:
    """What was taken under one name. `length` in seconds; `part` is for the owner. Cells ascend; `used` is their sum.

    Every verb is told the current cell, which never decreases.
    """

    __slots__ = ("_cells", "_gone", "amounts", "length", "newest", "part", "until", "used")

    def __init__(self, length: int, part: int, cell: int) -> None:
        self.length = length
        self.part = part
        self.used = 0
        self._cells = array("q")
        self.amounts = array("q")
        self.newest = -_NEVER
        self.until = _NEVER  # the last cell in which the oldest cell counts
        self._gone = cell - 1  # the newest cell that counts no more, or was before this window began

    def take(self, cell: int, amount: int, limit: int) -> bool:
        """Takes `amount` if that leaves the window within its limit (below 2**63). A limit of 0 lets nothing pass."""
        if cell > self.until:
            self.expire(cell)
        used = self.used + amount
        if used > limit or limit <= 0:
            return False
        if cell == self.newest:
            self.amounts[-1] += amount
            self.used = used
        elif amount:
            self.add(cell, amount)
        return True

    def add(self, cell: int, amount: int) -> None:
        """Takes it, whatever the limit."""
        if cell > self.newest:
            self._append(cell)
        try:
            self.amounts[-1] += amount
        except OverflowError:
            amount = _MOST - self.amounts[-1]
            self.amounts[-1] = _MOST
        self.used += amount

    def free(self, cell: int, taken_in: int, amount: int) -> None:
        """Frees what was taken in an earlier cell, if that still counts."""
        if cell > self.until:
            self.expire(cell)
        if taken_in <= self._gone:
            return
        if taken_in == self.newest:
            amount = min(amount, self.amounts[-1])
            self.amounts[-1] -= amount
            self.used -= amount
            return
        # A cell that was merged is found in the next one.
        index = bisect_left(self._cells, taken_in)
        if index < len(self._cells):
            freed = min(amount, self.amounts[index])
            self.amounts[index] -= freed
            self.used -= freed

    def used_at(self, cell: int) -> int:
        """What counts now."""
        if cell > self.until:
            self.expire(cell)
        return self.used

    def wait_ms(self, now_ms: int, amount: int, limit: int) -> int | None:
        """Until `amount` would be taken if nothing else were; None: never."""
        if amount > limit or limit <= 0:
            return None
        self.expire(now_ms // CELL_MS)
        excess = self.used + amount - limit
        if excess <= 0:
            return 0
        end = self.newest
        for cell, freed in zip(self._cells, self.amounts, strict=True):
            excess -= freed
            if excess <= 0:
                end = cell
                break
        return (end + self.length + 1) * CELL_MS - now_ms

    def reset_ms(self, now_ms: int) -> int:
        """Until the window is empty if nothing else is taken."""
        if now_ms // CELL_MS > self.until:
            self.expire(now_ms // CELL_MS)
        if not self.used:
            return 0
        if self.amounts[-1]:
            return (self.newest + self.length + 1) * CELL_MS - now_ms
        last = len(self._cells) - 1
        while not self.amounts[last]:
            last -= 1
        return (self._cells[last] + self.length + 1) * CELL_MS - now_ms

    def expire(self, cell: int) -> None:
        """Forgets the cells that count no more."""
        if cell <= self.until:
            return
        gone = bisect_right(self._cells, cell - self.length - 1)
        self.used -= sum(self.amounts[:gone])
        self._gone = max(self._gone, self._cells[gone - 1])
        del self._cells[:gone], self.amounts[:gone]
        self.until = self._cells[0] + self.length if self._cells else _NEVER

    def restore(self, taken: Iterable[tuple[int, int]]) -> None:
        """Adds (cell, amount)s that were taken before this window was held in memory."""
        sums = dict(zip(self._cells, self.amounts, strict=True))
        for cell, amount in taken:
            sums[cell] = sums.get(cell, 0) + amount
        self._hold(sorted(sums.items()))
        self.used = sum(self.amounts)

    def __len__(self) -> int:
        """How many cells it holds."""
        return len(self._cells)

    def __bool__(self) -> bool:
        return True

    def _append(self, cell: int) -> None:
        self.expire(cell)
        if len(self._cells) >= MOST_CELLS:
            self._hold(self._merged())
        self._cells.append(cell)
        self.amounts.append(0)
        self.newest = cell
        self.until = self._cells[0] + self.length

    def _merged(self) -> list[tuple[int, int]]:
        grain = max(1, self.length // _GRAINS)
        merged: list[tuple[int, int]] = []
        for cell, amount in zip(self._cells, self.amounts, strict=True):
            if merged and merged[-1][0] // grain == cell // grain:
                amount += merged.pop()[1]
            merged.append((cell, amount))
        return merged

    def _hold(self, taken: list[tuple[int, int]]) -> None:
        self._cells = array("q", (cell for cell, _ in taken))
        self.amounts = array("q", (min(amount, _MOST) for _, amount in taken))
        if taken:
            self.newest = self._cells[-1]
            self.until = self._cells[0] + self.length
