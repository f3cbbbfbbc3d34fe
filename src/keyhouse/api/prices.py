"""`/v1/organization/prices`, an addition of ours. Versions are only ever added."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import objects, prices
from keyhouse.control.prices import DollarRates
from keyhouse.wire.paging import PAGE, list_envelope, page_parameters

_PATH = "/v1/organization/prices"


class _PriceBody(msgspec.Struct, forbid_unknown_fields=True):
    model: Any = UNSET
    input: Any = UNSET
    output: Any = UNSET
    cached_input: Any = None


def list_(call: Call) -> object:
    model, cut = call.query.one("model"), page_parameters(call.query)
    page = prices.list_page(call.control, call.caller, model=model, **cut)
    return list_envelope([objects.price(item) for item in page.items], has_more=page.has_more)


def create(call: Call) -> object:
    body = call.body
    rates = DollarRates(body.input, body.output, body.cached_input)
    return objects.price(prices.set_price(call.control, call.caller, body.model, rates))


def get(call: Call) -> object:
    return objects.price(prices.version(call.control, call.caller, call.path["price_id"]))


OPERATIONS = (
    Operation("GET", _PATH, list_, prices.list_page, query=(*PAGE, "model")),
    Operation("POST", _PATH, create, prices.set_price, body=_PriceBody),
    Operation("GET", _PATH + "/{price_id}", get, prices.version),
)
