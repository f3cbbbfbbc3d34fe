"""`/v1/organization/projects/{project_id}/model_permissions`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import model_permissions

_PATH = "/v1/organization/projects/{project_id}/model_permissions"


class _PermissionsBody(msgspec.Struct, forbid_unknown_fields=True):
    mode: Any = UNSET
    model_ids: Any = UNSET


def get(call: Call) -> object:
    found = model_permissions.show(call.control, call.caller, call.path["project_id"])
    return model_permissions.as_object(found)


def put(call: Call) -> object:
    given = msgspec.structs.asdict(call.body)
    made = model_permissions.put(call.control, call.caller, call.path["project_id"], given)
    return model_permissions.as_object(made)


def delete(call: Call) -> object:
    model_permissions.remove(call.control, call.caller, call.path["project_id"])
    return {"object": "project.model_permissions.deleted", "deleted": True}


OPERATIONS = (
    Operation("GET", _PATH, get, model_permissions.show),
    Operation("POST", _PATH, put, model_permissions.put, body=_PermissionsBody),
    Operation("DELETE", _PATH, delete, model_permissions.remove),
)
