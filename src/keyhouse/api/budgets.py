"""`/v1/organization/budgets`: what OpenAI's spend limits are, and all that they are not: days, weeks, keys, several at once."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import budget_objects, budgets, objects
from keyhouse.control.budget_fields import BudgetFields
from keyhouse.control.standing import standing, standings
from keyhouse.domain.budgets import Budget
from keyhouse.domain.levels import Level
from keyhouse.wire.paging import BOTH_WAYS, both_ways_parameters, list_envelope

_PATH = "/v1/organization/budgets"
_ONE = _PATH + "/{budget_id}"


class _BudgetBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Any = UNSET
    amount: Any = UNSET
    interval: Any = UNSET
    at_end: Any = UNSET
    throttle_requests_per_minute: Any = UNSET
    increase: Any = UNSET

    def fields(self) -> BudgetFields:
        return BudgetFields(**{name: getattr(self, name) for name in _BudgetBody.__struct_fields__})


class _NewBudgetBody(_BudgetBody, forbid_unknown_fields=True):
    project_id: Any = None
    key_id: Any = None


def list_(call: Call) -> object:
    page = budgets.list_page(
        call.control,
        call.caller,
        level=call.query.choice("level", *(level.value for level in Level)),
        project_id=call.query.one("project_id"),
        key_id=call.query.one("key_id"),
        **both_ways_parameters(call.query),
    )
    stands, now = standings(call.control, page.items), call.control.clock()
    data = [budget_objects.budget(item, stands[item.id], now) for item in page.items]
    return list_envelope(data, has_more=page.has_more)


def create(call: Call) -> object:
    body = call.body
    made = budgets.create(call.control, call.caller, body.fields(), project_id=body.project_id, key_id=body.key_id)
    return _object(call, made)


def get(call: Call) -> object:
    return _object(call, budgets.show(call.control, call.caller, call.path["budget_id"]))


def update(call: Call) -> object:
    return _object(call, budgets.update(call.control, call.caller, call.path["budget_id"], call.body.fields()))


def delete(call: Call) -> object:
    removed = budgets.remove(call.control, call.caller, call.path["budget_id"])
    return objects.deleted("organization.budget", removed.id)


def _object(call: Call, budget: Budget) -> dict[str, object]:
    return budget_objects.budget(budget, standing(call.control, budget), call.control.clock())


OPERATIONS = (
    Operation("GET", _PATH, list_, budgets.list_page, query=(*BOTH_WAYS, "key_id", "level", "project_id")),
    Operation("POST", _PATH, create, budgets.create, body=_NewBudgetBody),
    Operation("GET", _ONE, get, budgets.show),
    Operation("POST", _ONE, update, budgets.update, body=_BudgetBody),
    Operation("DELETE", _ONE, delete, budgets.remove),
)
