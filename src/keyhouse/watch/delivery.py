"""What a way of delivering promises: it returns once the receiver has taken the notice, and raises if it has not."""

from __future__ import annotations

from collections.abc import Callable

from keyhouse.domain.notices import Notice

SECONDS = 10.0
"""A receiver that needs longer has not taken the notice."""


class NotDeliveredError(Exception):
    """The message is a sentence for an owner, without secrets. `final`: another attempt would end the same."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


Deliver = Callable[[Notice], None]
"""Blocks for some seconds at most. Raises `NotDeliveredError`."""
