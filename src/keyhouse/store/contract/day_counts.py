"""What limits of a day have counted, by minute, so that they go on where they were after a restart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from keyhouse.domain.limits import LimitName


class DayCell(NamedTuple):
    """`minute` is its start (Unix seconds, UTC)."""

    name: LimitName
    minute: int


class DayCounts(Protocol):
    def watched(self) -> frozenset[LimitName]:
        """The limits of a day that organizations and projects have."""
        ...

    def watched_keys(self, key_ids: Collection[str]) -> frozenset[LimitName]:
        """The limits of a day that these keys have."""
        ...

    def add(self, amounts: Mapping[DayCell, int]) -> None:
        """Adds to what is counted, and forgets what is older than any window that the newest of these may be in."""
        ...

    def since(self, minute: int) -> Sequence[tuple[DayCell, int]]:
        """Everything that is counted from that minute on (Unix seconds)."""
        ...
