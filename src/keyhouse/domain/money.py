"""Money as integer nano-dollars, and what tokens cost.

Prices are integer nano-dollars per million units. A call is rounded once, half up, when it is settled; the parts of its cost
(input, cached input, output) always sum to its total.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from keyhouse.domain.errors import invalid
from keyhouse.domain.usage import TokenUsage

NANOS_PER_DOLLAR = 1_000_000_000
PER_MILLION = 1_000_000
MAX_DOLLARS_PER_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-dollars per million units. None: this unit has no price (cached input and cache writes fall back to input)."""

    input: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    output: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    request: int = 0
    """Nano-dollars per call."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Rates of a call whose input has more than `above` tokens: all of its tokens, not only those above."""

    above: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class Price:
    """One version of a model's price, in force from `effective_at` (Unix seconds) until the next version begins."""

    id: str
    model: str
    effective_at: int
    rates: Rates
    tiers: tuple[Tier, ...] = ()
    source: str = "operator"
    created_at: int = 0

    def rates_for(self, input_tokens: int) -> Rates:
        chosen = self.rates
        for tier in self.tiers:
            if input_tokens > tier.above:
                chosen = tier.rates
        return chosen


@dataclass(frozen=True, slots=True)
class Cost:
    """Nano-dollars. `total` is `input + cached_input + output`; a price per request and audio are in input or output."""

    total: int
    input: int
    cached_input: int
    output: int


ZERO_COST = Cost(0, 0, 0, 0)


def cost_of(price: Price, usage: TokenUsage) -> Cost | None:
    """What the usage costs at this price; None if it has units that the price does not name."""
    rates = price.rates_for(usage.input_tokens)
    text_input = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens - usage.input_audio_tokens
    input_parts = _charge(
        (max(text_input, 0), rates.input),
        (usage.cache_write_tokens, rates.input if rates.cache_write is None else rates.cache_write),
        (usage.input_audio_tokens, rates.input_audio),
    )
    cached = _charge((usage.cached_tokens, rates.input if rates.cached_input is None else rates.cached_input))
    text_output = max(usage.output_tokens - usage.output_audio_tokens, 0)
    output = _charge((text_output, rates.output), (usage.output_audio_tokens, rates.output_audio))
    if input_parts is None or cached is None or output is None:
        return None
    input_parts += rates.request * PER_MILLION
    total = round_half_up(input_parts + cached + output, PER_MILLION)
    cached_share, output_share = round_half_up(cached, PER_MILLION), round_half_up(output, PER_MILLION)
    # The largest remainder may lie in the shares: what rounding added to them beyond the total is taken from the output.
    output_share -= max(cached_share + output_share - total, 0)
    return Cost(total, total - cached_share - output_share, cached_share, output_share)


def _charge(*parts: tuple[int, int | None]) -> int | None:
    total = 0
    for units, rate in parts:
        if units:
            if rate is None:
                return None
            total += units * rate
    return total


def round_half_up(numerator: int, denominator: int) -> int:
    """The quotient of two non-negative integers, halves rounded up."""
    return (2 * numerator + denominator) // (2 * denominator)


def parse_dollars_per_million(text: str, *, param: str) -> int:
    """US dollars per million tokens, as a decimal text, in nano-dollars. Raises `invalid_value` on anything not exact."""
    try:
        # `Decimal` would take other scripts' digits and underscores too.
        amount = Decimal(text if text.isascii() and "_" not in text else "")
    except InvalidOperation:
        raise invalid(param, f"'{param}' must be an amount in US dollars per million tokens, such as 2.50.") from None
    if not amount.is_finite() or amount < 0 or amount > MAX_DOLLARS_PER_MILLION:
        raise invalid(
            param, f"'{param}' must be between 0 and {MAX_DOLLARS_PER_MILLION:,} US dollars per million tokens."
        )
    nanos = amount * NANOS_PER_DOLLAR
    if nanos != nanos.to_integral_value():
        raise invalid(param, f"'{param}' has more than nine decimal places.")
    return int(nanos)


def format_dollars(nanos: int, places: int = 6) -> str:
    """`$0.001234`: for people; machines get the integer or its exact decimal."""
    rounded = round_half_up(abs(nanos) * 10**places, NANOS_PER_DOLLAR)
    sign = "-" if nanos < 0 else ""
    return f"{sign}${rounded // 10**places:,}.{rounded % 10**places:0{places}d}"
