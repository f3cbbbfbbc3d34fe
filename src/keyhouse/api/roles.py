"""`/v1/organization/roles` and `/v1/projects/{project_id}/roles`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import objects, role_objects, roles
from keyhouse.wire.paging import next_envelope, next_parameters

_ORGANIZATION = "/v1/organization/roles"
_PROJECT = "/v1/projects/{project_id}/roles"


class _RoleBody(msgspec.Struct, forbid_unknown_fields=True):
    role_name: Any = UNSET
    permissions: Any = UNSET
    description: Any = UNSET


def list_(call: Call) -> object:
    page = roles.list_page(call.control, call.caller, call.path.get("project_id"), **next_parameters(call.query))
    return next_envelope([role_objects.role(item) for item in page.items], has_more=page.has_more, next_=page.next)


def create(call: Call) -> object:
    given = msgspec.structs.asdict(call.body)
    return role_objects.role(roles.create(call.control, call.caller, call.path.get("project_id"), given))


def get(call: Call) -> object:
    project_id, role_id = call.path.get("project_id"), call.path["role_id"]
    return role_objects.role(roles.show(call.control, call.caller, project_id, role_id))


def update(call: Call) -> object:
    project_id, role_id = call.path.get("project_id"), call.path["role_id"]
    given = msgspec.structs.asdict(call.body)
    return role_objects.role(roles.update(call.control, call.caller, project_id, role_id, given))


def delete(call: Call) -> object:
    removed = roles.delete(call.control, call.caller, call.path.get("project_id"), call.path["role_id"])
    return objects.deleted("role", removed.id)


OPERATIONS = tuple(
    operation
    for path in (_ORGANIZATION, _PROJECT)
    for operation in (
        Operation("GET", path, list_, roles.list_page, query=("after", "limit", "order")),
        Operation("POST", path, create, roles.create, body=_RoleBody),
        Operation("GET", path + "/{role_id}", get, roles.show),
        Operation("POST", path + "/{role_id}", update, roles.update, body=_RoleBody),
        Operation("DELETE", path + "/{role_id}", delete, roles.delete),
    )
)
