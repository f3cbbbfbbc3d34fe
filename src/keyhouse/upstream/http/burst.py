"""Requests leave together: those made in one turn of the loop, at its end.

The first write wakes whoever reads; the others find it awake, and cost a third of it.
"""

from __future__ import annotations

import asyncio
from typing import Protocol


class Sender(Protocol):
    def send_unsent(self) -> None: ...


class Burst:
    """One per event loop."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[Sender] = []

    def add(self, sender: Sender) -> None:
        """Has it send what it holds."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._leave)
        self._waiting.append(sender)

    def _leave(self) -> None:
        waiting, self._waiting = self._waiting, []
        for sender in waiting:
            sender.send_unsent()
