"""`/v1/organization/spend_limit` and `/v1/organization/projects/{project_id}/spend_limit`: the hard limit of a month."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import budget_objects, spend_limits

_ORGANIZATION = "/v1/organization/spend_limit"
_PROJECT = "/v1/organization/projects/{project_id}/spend_limit"


class _LimitBody(msgspec.Struct, forbid_unknown_fields=True):
    threshold_amount: Any = UNSET
    currency: Any = UNSET
    interval: Any = UNSET


def get(call: Call) -> object:
    return budget_objects.spend_limit(spend_limits.show(call.control, call.caller, call.path.get("project_id")))


def put(call: Call) -> object:
    given = msgspec.structs.asdict(call.body)
    return budget_objects.spend_limit(spend_limits.put(call.control, call.caller, call.path.get("project_id"), given))


def delete(call: Call) -> object:
    project_id = call.path.get("project_id")
    spend_limits.remove(call.control, call.caller, project_id)
    return {"object": f"{'organization' if project_id is None else 'project'}.spend_limit.deleted", "deleted": True}


OPERATIONS = tuple(
    operation
    for path in (_ORGANIZATION, _PROJECT)
    for operation in (
        Operation("GET", path, get, spend_limits.show),
        Operation("POST", path, put, spend_limits.put, body=_LimitBody),
        Operation("DELETE", path, delete, spend_limits.remove),
    )
)
