"""What a model's tokens cost at a moment: the price table in memory, and the settlement of one call.

The `model` of a price is an exact name, or a pattern with its kind in front: `prefix:gpt-4o-`, `suffix:`, `contains:`,
`regex:`. The price of a model is that of

    1. its exact name, then its exact name in lower case,
    2. the patterns that match it in lower case: prefixes, suffixes, contained texts, regular expressions; the longest first,

and of these the first that has a version in force. A price that lacks a unit which the call used leaves it unpriced: its cost
is unknown, not zero.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple

from keyhouse.domain import base62, ids
from keyhouse.domain.money import Cost, Price, cost_of
from keyhouse.domain.usage import Pricing, TokenUsage
from keyhouse.ledger import pricebook_data
from keyhouse.store.contract import Store

_KINDS = ("prefix", "suffix", "contains", "regex")
_REMEMBERED_NAMES = 10_000


class Settlement(NamedTuple):
    """`cost` is None exactly where `pricing` is UNPRICED; `price_id` then names the price that lacked a unit, if there is one."""

    pricing: Pricing
    price_id: str | None
    cost: Cost | None


class PriceBook:
    """An immutable snapshot of all price versions. For one thread."""

    def __init__(self, versions: Iterable[Price]) -> None:
        """`versions` as `Prices.versions()` gives them: of one model ascending by `effective_at`, then by age."""
        by_model: dict[str, list[Price]] = {}
        for price in versions:
            by_model.setdefault(price.model, []).append(price)
        histories = {model: _History.of(prices) for model, prices in by_model.items()}
        self._exact = {model: history for model, history in histories.items() if not is_pattern(model)}
        self._patterns = [
            (_matcher(model), histories[model]) for model in sorted(filter(is_pattern, histories), key=_rank)
        ]
        self._found: dict[str, tuple[_History, ...]] = {}

    @classmethod
    def load(cls, store: Store) -> PriceBook:
        with store.read() as transaction:
            return cls(transaction.prices.versions())

    def price_at(self, model: str, at_seconds: int) -> Price | None:
        """The model's price in force at the time (Unix seconds); None if it has none then."""
        histories = self._found.get(model)
        if histories is None:
            histories = self._find(model)
        for history in histories:
            price = history.at(at_seconds)
            if price is not None:
                return price
        return None

    def _find(self, model: str) -> tuple[_History, ...]:
        lowered = model.lower()
        names = dict.fromkeys((model, lowered))
        exact = [self._exact[name] for name in names if name in self._exact]
        found = (*exact, *(history for matches, history in self._patterns if matches(lowered)))
        # Callers choose the names: what is remembered of them is bounded.
        if len(self._found) >= _REMEMBERED_NAMES:
            self._found.clear()
        self._found[model] = found
        return found


def settle(
    price_book: PriceBook, asked: str | None, answered: str | None, at_seconds: int, usage: TokenUsage
) -> Settlement:
    """The cost at the price of the model asked, else of the model that answered, at the call's admission."""
    for model in (asked, answered):
        price = price_book.price_at(model, at_seconds) if model else None
        if price is not None:
            cost = cost_of(price, usage)
            return Settlement(Pricing.UNPRICED if cost is None else Pricing.PRICED, price.id, cost)
    return Settlement(Pricing.UNPRICED, None, None)


def is_pattern(model: str) -> bool:
    """Whether a price's `model` stands for more than one name. Only packaged prices may; an operator names a model exactly."""
    kind, colon, _ = model.partition(":")
    return colon != "" and kind in _KINDS


def packaged_prices(created_at: int) -> list[Price]:
    """The prices that come with Keyhouse, as versions for the store. Their ids are digests of what they say, so that two
    installations, or two imports, give one price one id."""
    source = pricebook_data.provenance()
    return [
        Price(
            id=_content_id(packaged),
            model=packaged.pattern if packaged.kind == "exact" else f"{packaged.kind}:{packaged.pattern}",
            effective_at=packaged.effective_from,
            rates=packaged.rates,
            tiers=packaged.tiers,
            source=f"{source.source} {source.version}",
            created_at=created_at,
        )
        for packaged in pricebook_data.load()
    ]


class _History(NamedTuple):
    """The versions of one model's price, and when each begins."""

    begins: list[int]
    prices: list[Price]

    @classmethod
    def of(cls, prices: list[Price]) -> _History:
        return cls([price.effective_at for price in prices], prices)

    def at(self, seconds: int) -> Price | None:
        index = bisect_right(self.begins, seconds)
        return self.prices[index - 1] if index else None


def _rank(model: str) -> tuple[int, int, str]:
    kind, _, pattern = model.partition(":")
    return _KINDS.index(kind), -len(pattern), pattern


def _matcher(model: str) -> Callable[[str], object]:
    kind, _, pattern = model.partition(":")
    match kind:
        case "prefix":
            return lambda name: name.startswith(pattern)
        case "suffix":
            return lambda name: name.endswith(pattern)
        case "contains":
            return lambda name: pattern in name
        case _:
            return lambda name: re.search(pattern, name)


def _content_id(packaged: pricebook_data.PackagedPrice) -> str:
    said = (packaged.kind, packaged.pattern, packaged.effective_from, packaged.rates, packaged.tiers)
    digest = hashlib.sha256(repr(said).encode()).digest()
    return ids.PRICE + base62.encode(int.from_bytes(digest[:17], "big"), 24)
