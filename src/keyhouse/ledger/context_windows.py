"""How many tokens a model takes at once, where anybody says it: what bounds input that cannot be seen, and an undeclared output.

The figures come with the packaged prices and are found as those are: an exact name first, then the first pattern that matches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keyhouse.ledger import pricebook_data
from keyhouse.ledger.pricebook_data import PackagedPrice

_REMEMBERED_NAMES = 10_000


class ContextWindows:
    """For one thread. `known`: windows in tokens by exact name, which count before the packaged ones (the built-in models')."""

    def __init__(self, packaged: Sequence[PackagedPrice], known: Mapping[str, int]) -> None:
        self._exact: dict[str, int | None] = {}
        self._patterns: list[PackagedPrice] = []
        for price in packaged:
            if price.kind == "exact":
                self._exact[price.pattern] = price.context_window
            elif not self._patterns or self._patterns[-1].pattern != price.pattern:
                self._patterns.append(price)
        self._exact = {model: at_most(window) for model, window in self._exact.items()} | dict(known)
        self._found: dict[str, int | None] = {}

    @classmethod
    def load(cls, known: Mapping[str, int]) -> ContextWindows:
        """With what comes with Keyhouse; reads a file of about half a megabyte."""
        return cls(pricebook_data.load(), known)

    def of(self, model: str) -> int | None:
        """Tokens that the model takes at most, the answer included; None where nobody says it."""
        try:
            return self._found[model]
        except KeyError:
            return self._find(model)

    def _find(self, model: str) -> int | None:
        name = model if model in self._exact else model.lower()
        if name in self._exact:
            window = self._exact[name]
        else:
            first = next((price for price in self._patterns if price.matches(name)), None)
            window = None if first is None else at_most(first.context_window)
        # Callers choose the names: what is remembered of them is bounded.
        if len(self._found) >= _REMEMBERED_NAMES:
            self._found.clear()
        self._found[model] = window
        return window


def at_most(published: int | None) -> int | None:
    """What a published window may mean at most: "1M" is 1,000,000 to some and 2^20 to others."""
    if published is None or published % 1_000:
        return published
    return -(-published * 2**20 // 10**6)
