"""The prices that come with Keyhouse, read from package data (`tools/import_prices.py` wrote it).

They are what a new installation starts with; from then on the versioned table in the store is what counts. A model is found
by its exact name first and else by the first pattern that matches, in the order of the file, always in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Literal, NamedTuple

import msgspec

from keyhouse.domain.money import Rates, Tier

Kind = Literal["exact", "prefix", "suffix", "contains", "regex"]


class Provenance(msgspec.Struct, frozen=True):
    """Where the packaged prices come from: the source's name and version, and the day of the import (`YYYY-MM-DD`)."""

    source: str
    version: str
    imported: str


class PackagedPrice(NamedTuple):
    """One version of a price, for the model names that `pattern` finds.

    Rates are nano-dollars per million tokens (`request`: per call), None where the source gives none: unknown, not free. A row
    whose rates are all None says that the name is known and has no price that this table can carry.
    """

    kind: Kind
    pattern: str
    """In lower case; of kind `regex`, a Python regular expression that is searched in the name."""
    provider: str
    """Whose price it is, by genai-prices' identifier, such as `openai`."""
    effective_from: int
    """Unix seconds (UTC midnight); 0: from the beginning."""
    rates: Rates
    tiers: tuple[Tier, ...]
    """Ascending by `above`; the last one whose `above` the input tokens exceed holds for the whole call."""
    cached_input_audio: int | None
    """Nano-dollars per million cached audio tokens; it does not depend on the tier."""
    not_carried: tuple[str, ...]
    """What the source prices apart and this row does not: units such as `web_searches_kcount`, or `service_tier=flex`."""
    context_window: int | None
    """The most input tokens that the model takes, where the source says it."""

    def matches(self, model: str) -> bool:
        name = model.lower()
        match self.kind:
            case "exact":
                return name == self.pattern
            case "prefix":
                return name.startswith(self.pattern)
            case "suffix":
                return name.endswith(self.pattern)
            case "contains":
                return self.pattern in name
            case "regex":
                return re.search(self.pattern, name) is not None


def load() -> Sequence[PackagedPrice]:
    """Every packaged price: exact names sorted, then patterns in the order to try them; versions of one ascending by date."""
    file = msgspec.json.decode(_content(), type=_File)
    return [_packaged(row) for row in file.prices]


def provenance() -> Provenance:
    return msgspec.json.decode(_content(), type=_Header).provenance


def find(prices: Sequence[PackagedPrice], model: str) -> Sequence[PackagedPrice]:
    """The versions of one model's price, ascending by date; empty if no name and no pattern matches it."""
    first = next((price for price in prices if price.matches(model)), None)
    if first is None:
        return []
    return [price for price in prices if (price.kind, price.pattern) == (first.kind, first.pattern)]


class _Rates(msgspec.Struct, forbid_unknown_fields=True):
    input: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    output: int | None = None
    input_audio: int | None = None
    cached_input_audio: int | None = None
    output_audio: int | None = None
    request: int = 0


class _Tier(msgspec.Struct, forbid_unknown_fields=True):
    above: int
    rates: _Rates


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    kind: Kind
    pattern: str
    provider: str
    effective_from: int
    rates: _Rates
    tiers: tuple[_Tier, ...] = ()
    not_carried: tuple[str, ...] = ()
    context_window: int | None = None


class _Header(msgspec.Struct):
    provenance: Provenance


class _File(msgspec.Struct):
    prices: list[_Row]


def _content() -> bytes:
    return files("keyhouse.ledger").joinpath("data", "prices.json").read_bytes()


def _packaged(row: _Row) -> PackagedPrice:
    return PackagedPrice(
        kind=row.kind,
        pattern=row.pattern,
        provider=row.provider,
        effective_from=row.effective_from,
        rates=_domain_rates(row.rates),
        tiers=tuple(Tier(tier.above, _domain_rates(tier.rates)) for tier in row.tiers),
        cached_input_audio=row.rates.cached_input_audio,
        not_carried=row.not_carried,
        context_window=row.context_window,
    )


def _domain_rates(rates: _Rates) -> Rates:
    return Rates(
        input=rates.input,
        cached_input=rates.cached_input,
        cache_write=rates.cache_write,
        output=rates.output,
        input_audio=rates.input_audio,
        output_audio=rates.output_audio,
        request=rates.request,
    )
