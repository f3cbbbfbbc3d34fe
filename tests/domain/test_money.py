"""What a call costs: integer nano-dollars, rounded once, half up."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.errors import KeyhouseError
from keyhouse.domain.money import (
    PER_MILLION,
    ZERO_COST,
    Cost,
    Price,
    Rates,
    Tier,
    cost_of,
    format_dollars,
    parse_dollars_per_million,
    round_half_up,
)
from keyhouse.domain.usage import TokenUsage

rate = st.integers(0, 10**15) | st.integers(0, 3)
maybe_rate = st.none() | rate
all_rates = st.builds(Rates, rate, rate, rate, rate, rate, rate, st.integers(0, 10**9))
some_rates = st.builds(Rates, *[maybe_rate] * 6, st.integers(0, 10**9))


@st.composite
def usages(draw: st.DrawFn, most: int = 10**7) -> TokenUsage:
    """Parts never exceed their whole, as the meter makes sure of."""
    given, made = draw(st.integers(0, most)), draw(st.integers(0, most))
    cached = draw(st.integers(0, given))
    written = draw(st.integers(0, given - cached))
    heard = draw(st.integers(0, given - cached - written))
    said = draw(st.integers(0, made))
    return TokenUsage(given, cached, written, made, draw(st.integers(0, made)), heard, said)


def price(rates: Rates, *tiers: Tier) -> Price:
    return Price("price_1", "a-model", 0, rates, tiers)


def exact(rates: Rates, usage: TokenUsage) -> Fraction:
    """The cost before it is rounded, with every rate given."""
    text_in = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens - usage.input_audio_tokens
    parts = (
        (text_in, rates.input),
        (usage.cached_tokens, rates.cached_input),
        (usage.cache_write_tokens, rates.cache_write),
        (usage.input_audio_tokens, rates.input_audio),
        (usage.output_tokens - usage.output_audio_tokens, rates.output),
        (usage.output_audio_tokens, rates.output_audio),
    )
    return rates.request + sum((Fraction(units * (rate or 0), PER_MILLION) for units, rate in parts), Fraction(0))


@given(all_rates, usages())
def test_the_total_is_the_exact_sum_rounded_once_half_up(rates: Rates, usage: TokenUsage) -> None:
    cost = cost_of(price(rates), usage)
    assert cost is not None
    assert cost.total == (exact(rates, usage) + Fraction(1, 2)).__floor__()


@given(some_rates, usages())
def test_the_parts_sum_to_the_total_and_none_is_negative(rates: Rates, usage: TokenUsage) -> None:
    cost = cost_of(price(rates), usage)
    if cost is not None:
        assert cost.input + cost.cached_input + cost.output == cost.total
        assert min(cost.input, cost.cached_input, cost.output) >= 0


@given(all_rates, usages(most=50))
def test_each_part_is_within_a_nano_dollar_of_its_own_exact_value(rates: Rates, usage: TokenUsage) -> None:
    cost = cost_of(price(rates), usage)
    assert cost is not None
    cached = Fraction(usage.cached_tokens * (rates.cached_input or 0), PER_MILLION)
    spoken = usage.output_audio_tokens * (rates.output_audio or 0)
    output = Fraction((usage.output_tokens - usage.output_audio_tokens) * (rates.output or 0) + spoken, PER_MILLION)
    rest = exact(rates, usage) - cached - output
    for part, wanted in ((cost.cached_input, cached), (cost.output, output), (cost.input, rest)):
        assert abs(part - wanted) <= Fraction(3, 2)


@given(some_rates, usages())
def test_a_used_unit_without_a_rate_leaves_the_call_unpriced_and_an_unused_one_does_not(
    rates: Rates, usage: TokenUsage
) -> None:
    text_in = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens - usage.input_audio_tokens
    cached_rate = rates.input if rates.cached_input is None else rates.cached_input
    write_rate = rates.input if rates.cache_write is None else rates.cache_write
    used = (
        (text_in, rates.input),
        (usage.cached_tokens, cached_rate),
        (usage.cache_write_tokens, write_rate),
        (usage.input_audio_tokens, rates.input_audio),
        (usage.output_tokens - usage.output_audio_tokens, rates.output),
        (usage.output_audio_tokens, rates.output_audio),
    )
    unpriced = any(units and rate is None for units, rate in used)
    assert (cost_of(price(rates), usage) is None) == unpriced


def test_gpt_4os_price_by_hand() -> None:
    gpt_4o = Rates(input=2_500_000_000, cached_input=1_250_000_000, output=10_000_000_000)
    used = TokenUsage(input_tokens=1000, cached_tokens=400, output_tokens=300)
    assert cost_of(price(gpt_4o), used) == Cost(5_000_000, 1_500_000, 500_000, 3_000_000)


def test_cached_input_and_cache_writes_fall_back_to_the_price_of_input() -> None:
    used = TokenUsage(input_tokens=1_000_000, cached_tokens=600_000, cache_write_tokens=100_000)
    assert cost_of(price(Rates(input=10, output=0)), used) == Cost(10, 4, 6, 0)


def test_a_rate_of_zero_is_free_and_no_fallback() -> None:
    used = TokenUsage(input_tokens=1_000_000, cached_tokens=600_000)
    assert cost_of(price(Rates(input=10, cached_input=0)), used) == Cost(4, 4, 0, 0)


def test_audio_without_a_rate_is_unpriced_never_zero() -> None:
    rates = Rates(input=10, output=10)
    assert cost_of(price(rates), TokenUsage(input_tokens=5, input_audio_tokens=5)) is None
    assert cost_of(price(rates), TokenUsage(output_tokens=5, output_audio_tokens=1)) is None


def test_reasoning_is_output_and_is_not_charged_twice() -> None:
    used = TokenUsage(output_tokens=1_000_000, reasoning_tokens=900_000)
    assert cost_of(price(Rates(output=7)), used) == Cost(7, 0, 0, 7)


def test_a_price_per_call_is_charged_without_any_token() -> None:
    assert cost_of(price(Rates(request=250)), TokenUsage()) == Cost(250, 250, 0, 0)
    assert cost_of(price(Rates()), TokenUsage()) == ZERO_COST


@pytest.mark.parametrize(
    ("millionths", "nanos"), [(0, 0), (1, 0), (499_999, 0), (500_000, 1), (1_499_999, 1), (1_500_000, 2)]
)
def test_a_half_is_rounded_up(millionths: int, nanos: int) -> None:
    assert round_half_up(millionths, PER_MILLION) == nanos
    cost = cost_of(price(Rates(input=millionths)), TokenUsage(input_tokens=1))
    assert cost is not None
    assert cost.total == nanos


@given(st.integers(0, 10**30), st.integers(1, 10**9))
def test_rounding_is_the_decimal_modules_half_up(numerator: int, denominator: int) -> None:
    whole, rest = divmod(numerator, denominator)
    assert round_half_up(numerator, denominator) == whole + int(2 * rest >= denominator)


@pytest.mark.parametrize(("tokens", "rate"), [(0, 1), (200_000, 1), (200_001, 2), (400_000, 2), (400_001, 3)])
def test_a_tier_applies_to_all_tokens_of_a_call_above_its_bound(tokens: int, rate: int) -> None:
    tiered = price(Rates(input=1), Tier(200_000, Rates(input=2)), Tier(400_000, Rates(input=3)))
    assert tiered.rates_for(tokens) == Rates(input=rate)
    cost = cost_of(tiered, TokenUsage(input_tokens=tokens))
    assert cost is not None
    assert cost.total == round_half_up(tokens * rate, PER_MILLION)


@given(st.integers(0, 10**15))
def test_an_amount_in_dollars_is_read_exactly(nanos: int) -> None:
    assert parse_dollars_per_million(str(Decimal(nanos).scaleb(-9)), param="input") == nanos


@pytest.mark.parametrize(
    "text", ["", "abc", "1,5", "-0.01", "NaN", "Infinity", "1000000.01", "0.0000000001", "$5", "1e-10"]
)
def test_an_amount_that_is_not_exact_or_out_of_range_is_refused_by_name(text: str) -> None:
    with pytest.raises(KeyhouseError) as refused:
        parse_dollars_per_million(text, param="output")
    assert refused.value.code.code == "invalid_value"
    assert refused.value.param == "output"


@given(st.integers(-(10**18), 10**18), st.integers(0, 9))
def test_dollars_are_shown_rounded_half_up(nanos: int, places: int) -> None:
    wanted = (Decimal(abs(nanos)) / 10**9).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    shown = format_dollars(nanos, places)
    assert Decimal(shown.replace("$", "").replace(",", "").lstrip("-") or "0") == wanted
    assert shown.startswith("-$" if nanos < 0 else "$")


def test_dollars_are_shown_for_people() -> None:
    assert format_dollars(1_234_000) == "$0.001234"
    assert format_dollars(1_234_567_890_000_000, 2) == "$1,234,567.89"
    assert format_dollars(0) == "$0.000000"
