from __future__ import annotations

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.money import Price, Rates
from keyhouse.domain.usage import Pricing, TokenUsage
from keyhouse.ledger import pricebook_data
from keyhouse.ledger.pricing import PriceBook, is_pattern, packaged_prices, settle

USAGE = TokenUsage(input_tokens=1000, output_tokens=500)


def price(id_: str, model: str, effective_at: int = 0, **rates: int) -> Price:
    return Price(id_, model, effective_at, Rates(**(rates or {"input": 1_000, "output": 2_000})))


def found(book: PriceBook, model: str, at: int = 100) -> str | None:
    price = book.price_at(model, at)
    return None if price is None else price.id


def test_a_model_without_a_price_has_none() -> None:
    assert PriceBook([]).price_at("gpt-4o", 0) is None
    assert PriceBook([price("p1", "gpt-4o")]).price_at("gpt-4o-mini", 0) is None


def test_the_version_in_force_at_admission_counts() -> None:
    book = PriceBook([price("old", "m", 10), price("new", "m", 20), price("corrected", "m", 20)])
    assert [found(book, "m", at) for at in (9, 10, 19, 20, 999)] == [None, "old", "old", "corrected", "corrected"]


@given(begins=st.lists(st.integers(0, 50), max_size=12).map(sorted), at=st.integers(0, 60))
def test_the_price_at_any_time_is_the_latest_that_began(begins: list[int], at: int) -> None:
    book = PriceBook([price(f"p{n}", "m", begin) for n, begin in enumerate(begins)])
    index = bisect_right(begins, at)
    assert found(book, "m", at) == (f"p{index - 1}" if index else None)


def test_an_exact_name_counts_before_its_lower_case_and_both_before_patterns() -> None:
    versions = [price("pattern", "prefix:gpt"), price("lower", "gpt-4o")]
    assert found(PriceBook(versions), "GPT-4o") == "lower"
    assert found(PriceBook([*versions, price("exact", "GPT-4o")]), "GPT-4o") == "exact"
    assert found(PriceBook(versions), "GPT-5") == "pattern"


def test_patterns_count_by_kind_and_the_longest_first() -> None:
    book = PriceBook(
        [
            price("any", "regex:."),
            price("inside", "contains:4o"),
            price("end", "suffix:-mini"),
            price("short", "prefix:gpt-"),
            price("long", "prefix:gpt-4o-"),
        ]
    )
    assert found(book, "gpt-4o-mini") == "long"
    assert found(book, "gpt-4-mini") == "short"
    assert found(book, "x-4o-mini") == "end"
    assert found(book, "x-4o-max") == "inside"
    assert found(book, "llama") == "any"


def test_where_the_exact_price_is_not_in_force_yet_a_pattern_counts() -> None:
    book = PriceBook([price("exact", "gpt-4o", 200), price("pattern", "prefix:gpt-")])
    assert found(book, "gpt-4o", 199) == "pattern"
    assert found(book, "gpt-4o", 200) == "exact"


def test_names_with_colons_are_names_unless_they_begin_with_a_kind() -> None:
    assert not is_pattern("llama3:8b")
    assert not is_pattern("ft:gpt-4o:acme")
    assert not is_pattern("prefix")
    assert is_pattern("prefix:llama3:")
    book = PriceBook([price("tag", "llama3:8b")])
    assert found(book, "llama3:8b") == "tag"


def test_any_number_of_invented_names_is_answered() -> None:
    book = PriceBook([price("p", "prefix:gpt-")])
    assert all(found(book, f"invented-{n}") is None for n in range(25_000))
    assert found(book, "gpt-x") == "p"


def test_a_call_is_settled_at_the_price_of_the_model_asked() -> None:
    book = PriceBook([price("asked", "a", input=1_000_000), price("answered", "b", input=5_000_000)])
    settled = settle(book, "a", "b", 0, TokenUsage(input_tokens=3))
    assert settled.pricing is Pricing.PRICED
    assert settled.price_id == "asked"
    assert settled.cost is not None
    assert (settled.cost.total, settled.cost.input, settled.cost.output) == (3, 3, 0)


def test_the_model_that_answered_counts_where_the_one_asked_has_no_price() -> None:
    book = PriceBook([price("answered", "b")])
    assert settle(book, "a", "b", 0, USAGE).price_id == "answered"
    assert settle(book, None, "b", 0, USAGE).price_id == "answered"


def test_without_any_price_a_call_is_unpriced_and_not_free() -> None:
    assert settle(PriceBook([]), "a", "b", 0, USAGE) == (Pricing.UNPRICED, None, None)
    assert settle(PriceBook([]), None, None, 0, TokenUsage()) == (Pricing.UNPRICED, None, None)


def test_a_unit_without_a_rate_leaves_the_call_unpriced_and_names_the_price() -> None:
    book = PriceBook([price("text only", "a", input=1_000, output=1_000)])
    audio = TokenUsage(input_tokens=10, input_audio_tokens=4)
    assert settle(book, "a", None, 0, audio) == (Pricing.UNPRICED, "text only", None)


def test_packaged_prices_are_found_as_their_file_says() -> None:
    """The store keeps no order between patterns; longest first must find what the file's own order finds."""
    packaged = pricebook_data.load()
    book = PriceBook(sorted(packaged_prices(0), key=lambda price: (price.model, price.effective_at)))
    stems = {entry.pattern for entry in packaged if entry.kind != "regex"}
    names = {name for stem in stems for name in (stem, f"{stem}-2026-01-01", f"{stem}x", stem.upper(), f"x/{stem}")}
    first_matches = [entry for entry in packaged if entry.kind != "exact"]
    exact = {entry.pattern for entry in packaged if entry.kind == "exact"}
    now = 2_000_000_000
    for name in names:
        lowered = name.lower()
        versions = (
            [entry for entry in packaged if entry.kind == "exact" and entry.pattern == lowered]
            if lowered in exact
            else pricebook_data.find(first_matches, lowered)
        )
        ours = book.price_at(name, now)
        assert (ours and (ours.rates, ours.tiers)) == (
            (versions[-1].rates, versions[-1].tiers) if versions else None
        ), name


def test_packaged_prices_have_ids_that_say_the_same_everywhere() -> None:
    first, second = packaged_prices(1), packaged_prices(2)
    assert [price.id for price in first] == [price.id for price in second]
    assert len({price.id for price in first}) == len(first)
