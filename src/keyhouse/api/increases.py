"""`/v1/organization/increase_requests`: asking for higher rate limits and bigger budgets, and what an owner answers."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import increases
from keyhouse.control.increase_fields import IncreaseFields
from keyhouse.control.limit_objects import increase_request
from keyhouse.wire.paging import BOTH_WAYS, both_ways_parameters, list_envelope

_PATH = "/v1/organization/increase_requests"
_ONE = _PATH + "/{request_id}"


class _RequestBody(msgspec.Struct, forbid_unknown_fields=True):
    reason: Any = UNSET
    project_id: Any = None
    model: Any = UNSET
    rate_limits: Any = UNSET
    budget_id: Any = UNSET
    amount: Any = UNSET
    until: Any = UNSET


class _GrantBody(msgspec.Struct, forbid_unknown_fields=True):
    until: Any = UNSET


def list_(call: Call) -> object:
    status = call.query.choice("status", "open", "granted", "denied")
    page = increases.list_page(call.control, call.caller, status=status, **both_ways_parameters(call.query))
    return list_envelope([increase_request(item) for item in page.items], has_more=page.has_more)


def request(call: Call) -> object:
    given = IncreaseFields(**msgspec.structs.asdict(call.body))
    return increase_request(increases.request(call.control, call.caller, given))


def get(call: Call) -> object:
    return increase_request(increases.show(call.control, call.caller, call.path["request_id"]))


def grant(call: Call) -> object:
    request_id = call.path["request_id"]
    return increase_request(increases.grant(call.control, call.caller, request_id, until=call.body.until))


def deny(call: Call) -> object:
    return increase_request(increases.deny(call.control, call.caller, call.path["request_id"]))


OPERATIONS = (
    Operation("GET", _PATH, list_, increases.list_page, query=(*BOTH_WAYS, "status")),
    Operation("POST", _PATH, request, increases.request, body=_RequestBody),
    Operation("GET", _ONE, get, increases.show),
    Operation("POST", _ONE + "/grant", grant, increases.grant, body=_GrantBody, body_optional=True),
    Operation("POST", _ONE + "/deny", deny, increases.deny),
)
