"""Prices of models: versions that are only ever added, in US dollars per million tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keyhouse.control import fields
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError, shown
from keyhouse.domain.money import Price, Rates, parse_dollars_per_million
from keyhouse.store.contract import ChangeKind


@dataclass(frozen=True, slots=True)
class DollarRates:
    """US dollars per million tokens, as exact decimal texts. Cached input without a price of its own costs what input costs."""

    input: str
    output: str
    cached_input: str | None = None


@needs(Permission.PRICES_WRITE)
def set_price(control: Control, caller: Caller, model: object, dollars: DollarRates) -> Price:
    """A new version of a model's price, in force at once: for every call admitted after this returns."""
    now = control.clock()
    price = Price(ids.new_id(ids.PRICE), fields.model(model), now, _rates(dollars), created_at=now)
    details: dict[str, object] = {
        "model": price.model, "input": dollars.input, "output": dollars.output, "cached_input": dollars.cached_input,
    }  # fmt: skip
    with control.store.write() as tx:
        tx.prices.add([price])
        tx.audit.append(event(caller, now, EventType.PRICE_SET, price.id, details=details))
        seq = tx.changes.append(ChangeKind.PRICES, "")
    control.announce(seq)
    return price


def current(control: Control) -> Sequence[Price]:
    """The version in force of every model, by model name."""
    now = control.clock()
    with control.store.read() as tx:
        versions = tx.prices.versions()
    # Versions come ordered, the one that counts last.
    in_force = {price.model: price for price in versions if price.effective_at <= now}
    return [in_force[model] for model in sorted(in_force)]


def show(control: Control, model: str) -> Sequence[Price]:
    """Every version of a model's price, newest first. Raises `not_found` if it has none."""
    with control.store.read() as tx:
        versions = tx.prices.versions(model)
    if not versions:
        raise KeyhouseError(ErrorCode.NOT_FOUND, f"Model '{shown(model)}' has no price.", param="model")
    return list(reversed(versions))


def _rates(dollars: DollarRates) -> Rates:
    return Rates(
        input=parse_dollars_per_million(dollars.input, param="input"),
        output=parse_dollars_per_million(dollars.output, param="output"),
        cached_input=None
        if dollars.cached_input is None
        else parse_dollars_per_million(dollars.cached_input, param="cached_input"),
    )
