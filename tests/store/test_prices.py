"""Price versions."""

from __future__ import annotations

from dataclasses import replace

from keyhouse.domain.money import Price, Rates, Tier
from keyhouse.store.contract import Store
from tests.store.makers import make_price


def test_a_price_comes_back_as_it_was_stored(store: Store) -> None:
    price = Price(
        "price_1", "gpt-4o", 1_700_000_000,
        Rates(1, 2, 3, 4, 5, 6, request=10**15), (Tier(200_000, Rates(input=7, output=None)),), "imported", 9,
    )  # fmt: skip
    add(store, price)
    with store.read() as transaction:
        assert transaction.prices.versions("gpt-4o") == [price]


def test_versions_are_ordered_by_model_then_time_then_the_order_of_adding(store: Store) -> None:
    add(store, make_price("z", "b", 20), make_price("y", "a", 20))
    add(store, make_price("x", "b", 10), make_price("w", "b", 20), make_price("a", "b", 20), make_price("v", "B", 1))
    with store.read() as transaction:
        assert [price.id for price in transaction.prices.versions()] == ["v", "y", "x", "z", "w", "a"]
        assert [price.id for price in transaction.prices.versions("b")] == ["x", "z", "w", "a"]
        assert transaction.prices.versions("none") == []


def test_adding_no_price_adds_none(store: Store) -> None:
    add(store)
    with store.read() as transaction:
        assert transaction.prices.versions() == []


def test_thousands_of_prices_are_added_at_once_in_their_order(store: Store) -> None:
    prices = [replace(make_price(f"price_{n}", "gpt-4o", 5), created_at=n) for n in range(2500)]
    add(store, *prices)
    with store.read() as transaction:
        assert transaction.prices.versions() == prices


def add(store: Store, *prices: Price) -> None:
    with store.write() as transaction:
        transaction.prices.add(prices)
