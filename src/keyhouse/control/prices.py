"""Prices of models: versions that are only ever added, in US dollars per million tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from keyhouse.control import fields
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, not_found, shown
from keyhouse.domain.money import Price, Rates, parse_dollars_per_million
from keyhouse.store.contract import ChangeKind, Listed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DollarRates:
    """US dollars per million tokens, as exact decimal texts, unchecked. Cached input without a price of its own (null) costs what
    input costs."""

    input: object
    output: object
    cached_input: object = None


@needs(Permission.PRICES_WRITE)
def set_price(control: Control, caller: Caller, model: object, dollars: DollarRates) -> Price:
    """A new version of a model's price, in force at once: for every call admitted after this returns."""
    now = control.clock()
    price = Price(ids.new_id(ids.PRICE), fields.model(model), now, _rates(dollars), created_at=now)
    details: dict[str, object] = {
        "model": price.model, "input": dollars.input, "output": dollars.output, "cached_input": dollars.cached_input,
    }  # fmt: skip
    with control.store.write() as tx:
        house = tx.organizations.first()
        told = (
            caller if house is None else replace(caller, organization_id=house.id)
        )  # whoever runs the house reads of it
        tx.prices.add([price])
        tx.audit.append(event(told, now, EventType.PRICE_SET, price.id, details=details))
        seq = tx.changes.append(ChangeKind.PRICES, "")
    control.announce(seq)
    return price


@needs(Permission.PRICES_READ)
def list_page(
    control: Control,
    caller: Caller,  # noqa: ARG001 - as every guarded verb
    *,
    model: str | None = None,
    after: str | None = None,
    limit: int = 20,
) -> Listed[Price]:
    """The prices in force by the names of their models, or the versions of one model's price, newest first; of a model without
    one there are none. A cursor is a price's id; that of a price which is not in force any more marks its model's place."""
    with control.store.read() as tx:
        versions = tx.prices.versions(model)
    if model is None:
        listed, places = _in_force(versions, control.clock()), {price.id: price.model for price in versions}
        behind = None if after is None else _place(places, after)
        rest = [price for price in listed if behind is None or price.model > behind]
    else:
        listed = list(reversed(versions))
        numbers = {price.id: number for number, price in enumerate(listed)}
        rest = listed if after is None else listed[_place(numbers, after) + 1 :]
    return Listed(tuple(rest[:limit]), len(rest) > limit)


@needs(Permission.PRICES_READ)
def version(control: Control, caller: Caller, price_id: str) -> Price:  # noqa: ARG001 - as every guarded verb
    """One version of a model's price. Raises `not_found`."""
    with control.store.read() as tx:
        found = tx.prices.get(price_id)
    if found is None:
        raise not_found("price", price_id)
    return found


@needs(Permission.PRICES_READ)
def current(control: Control, caller: Caller) -> Sequence[Price]:  # noqa: ARG001 - as every guarded verb
    """The version in force of every model, by model name."""
    with control.store.read() as tx:
        return _in_force(tx.prices.versions(), control.clock())


@needs(Permission.PRICES_READ)
def show(control: Control, caller: Caller, model: str) -> Sequence[Price]:  # noqa: ARG001 - as every guarded verb
    """Every version of a model's price, newest first. Raises `not_found` if it has none."""
    with control.store.read() as tx:
        versions = tx.prices.versions(model)
    if not versions:
        raise KeyhouseError(ErrorCode.NOT_FOUND, f"Model '{shown(model)}' has no price.", param="model")
    return list(reversed(versions))


def _in_force(versions: Sequence[Price], now: int) -> Sequence[Price]:
    # Versions come ordered, the one that counts last.
    in_force = {price.model: price for price in versions if price.effective_at <= now}
    return [in_force[model] for model in sorted(in_force)]


def _place(places: Mapping[str, T], after: str) -> T:
    if after not in places:
        raise invalid("after", f"'{shown(after)}' is not the id of an object in this list.")
    return places[after]


def _rates(dollars: DollarRates) -> Rates:
    cached = dollars.cached_input
    return Rates(
        input=_rate(dollars.input, "input"),
        output=_rate(dollars.output, "output"),
        cached_input=None if cached is None else _rate(cached, "cached_input"),
    )


def _rate(value: object, param: str) -> int:
    if value is UNSET:
        raise invalid(param, f"'{param}' is required.")
    # A JSON number is binary by the time that it is read: what is exact is a text.
    if not isinstance(value, str):
        raise invalid(
            param, f"'{param}' must be a string, an amount in US dollars per million tokens such as \"2.50\"."
        )
    return parse_dollars_per_million(value, param=param)
