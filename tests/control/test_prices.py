"""Prices: exact, versioned, in force at once."""

from __future__ import annotations

from typing import Any

import pytest

from keyhouse.control import prices
from keyhouse.control.fields import UNSET
from keyhouse.control.prices import DollarRates
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.money import Price, Rates
from keyhouse.store.contract import ChangeKind
from tests.control.houses import NOW, House

STORES = ("sqlite", "postgres")


def test_price_is_exact_and_in_force_at_once(house: House) -> None:
    price = prices.set_price(house.control, house.caller, "m1", DollarRates("0.000000001", "2.50", "1.25"))
    assert price.rates == Rates(input=1, output=2_500_000_000, cached_input=1_250_000_000)
    assert (price.effective_at, price.source) == (NOW, "operator")
    assert list(prices.current(house.control, house.caller)) == [price]
    change = house.changes()[-1]
    assert (change.kind, house.announced) == (ChangeKind.PRICES, [change.seq])
    event = house.events()[-1]
    assert (event.type, event.object_id) == (EventType.PRICE_SET, price.id)
    assert event.details == {"model": "m1", "input": "0.000000001", "output": "2.50", "cached_input": "1.25"}


def test_later_version_is_in_force_and_the_earlier_one_is_kept(house: House) -> None:
    first = prices.set_price(house.control, house.caller, "m1", DollarRates("1", "2"))
    same_second = prices.set_price(house.control, house.caller, "m1", DollarRates("2", "3"))
    assert list(prices.current(house.control, house.caller)) == [same_second]
    house.clock.now += 1
    latest = prices.set_price(house.control, house.caller, "m1", DollarRates("3", "4"))
    assert list(prices.show(house.control, house.caller, "m1")) == [latest, same_second, first]


@pytest.mark.parametrize(
    ("dollars", "param"),
    [
        (DollarRates("free", "1"), "input"),
        (DollarRates("-1", "1"), "input"),
        (DollarRates("NaN", "1"), "input"),
        (DollarRates("1", "Infinity"), "output"),
        (DollarRates("1", "0.0000000001"), "output"),
        (DollarRates("1", "1", ""), "cached_input"),
        (DollarRates("1", "1000001"), "output"),
        (DollarRates(UNSET, "1"), "input"),
        (DollarRates("1", UNSET), "output"),
        (DollarRates(1, "1"), "input"),
        (DollarRates("1", 2.5), "output"),
        (DollarRates("1", None), "output"),
        (DollarRates("1", "1", True), "cached_input"),
        (DollarRates("1", "1", "2" * 10_000), "cached_input"),
        (DollarRates("1", "٢"), "output"),
    ],
)
def test_amount_that_is_not_exact_is_refused(house: House, dollars: DollarRates, param: str) -> None:
    with pytest.raises(KeyhouseError) as refused:
        prices.set_price(house.control, house.caller, "m1", dollars)
    assert refused.value.param == param
    assert list(prices.current(house.control, house.caller)) == []


@pytest.mark.parametrize("model", ["", "gpt-*", "m?", "m[1]", "a\nb"])
def test_price_needs_the_name_of_one_model(house: House, model: str) -> None:
    with pytest.raises(KeyhouseError) as refused:
        prices.set_price(house.control, house.caller, model, DollarRates("1", "1"))
    assert refused.value.param == "model"


def test_model_without_a_price_says_so(house: House) -> None:
    with pytest.raises(KeyhouseError, match="Model 'm9' has no price") as refused:
        prices.show(house.control, house.caller, "m9")
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_prices_in_force_are_listed_in_pages_by_model(house: House) -> None:
    first = {model: prices.set_price(house.control, house.caller, model, DollarRates("1", "2")) for model in "cab"}
    newer = prices.set_price(house.control, house.caller, "b", DollarRates("3", "4"))

    def page(**cut: Any) -> tuple[list[Price], bool]:
        listed = prices.list_page(house.control, house.caller, **cut)
        return list(listed.items), listed.has_more

    assert page() == ([first["a"], newer, first["c"]], False)
    assert page(limit=2) == ([first["a"], newer], True)
    assert page(after=newer.id) == page(after=first["b"].id) == ([first["c"]], False)
    assert page(limit=0) == ([], True)
    assert page(model="b") == ([newer, first["b"]], False)
    assert page(model="b", limit=1) == ([newer], True)
    assert page(model="b", after=newer.id) == ([first["b"]], False)
    assert page(model="none") == ([], False)
    for cut in ({"after": "price_none"}, {"model": "b", "after": first["a"].id}):
        with pytest.raises(KeyhouseError, match="is not the id of an object in this list"):
            page(**cut)
    assert prices.version(house.control, house.caller, first["b"].id) == first["b"]
    with pytest.raises(KeyhouseError, match="No price with id 'price_none' was found"):
        prices.version(house.control, house.caller, "price_none")
