"""`/v1/organization/projects/{project_id}/hosted_tool_permissions`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import hosted_tools

_PATH = "/v1/organization/projects/{project_id}/hosted_tool_permissions"


class _PermissionsBody(msgspec.Struct, forbid_unknown_fields=True):
    code_interpreter: Any = UNSET
    file_search: Any = UNSET
    image_generation: Any = UNSET
    mcp: Any = UNSET
    web_search: Any = UNSET


def get(call: Call) -> object:
    return hosted_tools.as_object(hosted_tools.show(call.control, call.caller, call.path["project_id"]))


def update(call: Call) -> object:
    given = msgspec.structs.asdict(call.body)
    return hosted_tools.as_object(hosted_tools.update(call.control, call.caller, call.path["project_id"], given))


OPERATIONS = (
    Operation("GET", _PATH, get, hosted_tools.show),
    Operation("POST", _PATH, update, hosted_tools.update, body=_PermissionsBody),
)
