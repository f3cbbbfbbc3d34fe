"""`…/users/{user_id}/roles` and `…/groups/{group_id}/roles`, in the organization and in a project."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import role_assignments, role_objects
from keyhouse.control.held_roles import Principal
from keyhouse.domain.people import PrincipalKind
from keyhouse.wire.paging import next_envelope, next_parameters

_PATHS = tuple(
    f"/v1/{place}/{holder}/roles"
    for place in ("organization", "projects/{project_id}")
    for holder in ("users/{user_id}", "groups/{group_id}")
)


class _AssignBody(msgspec.Struct, forbid_unknown_fields=True):
    role_id: Any = UNSET


def list_(call: Call) -> object:
    page = role_assignments.list_page(
        call.control, call.caller, call.path.get("project_id"), _principal(call), **next_parameters(call.query)
    )
    return next_envelope([role_objects.held(item) for item in page.items], has_more=page.has_more, next_=page.next)


def assign(call: Call) -> object:
    project_id, role_id = call.path.get("project_id"), call.body.role_id
    made = role_assignments.assign(call.control, call.caller, project_id, _principal(call), role_id)
    return role_objects.assigned(made)


def get(call: Call) -> object:
    project_id, role_id = call.path.get("project_id"), call.path["role_id"]
    return role_objects.held(role_assignments.show(call.control, call.caller, project_id, _principal(call), role_id))


def remove(call: Call) -> object:
    project_id, role_id, principal = call.path.get("project_id"), call.path["role_id"], _principal(call)
    role_assignments.remove(call.control, call.caller, project_id, principal, role_id)
    return role_objects.unassigned(principal.kind)


def _principal(call: Call) -> Principal:
    if "group_id" in call.path:
        return Principal(PrincipalKind.GROUP, call.path["group_id"])
    return Principal(PrincipalKind.USER, call.path["user_id"])


OPERATIONS = tuple(
    operation
    for path in _PATHS
    for operation in (
        Operation("GET", path, list_, role_assignments.list_page, query=("after", "limit", "order")),
        Operation("POST", path, assign, role_assignments.assign, body=_AssignBody),
        Operation("GET", path + "/{role_id}", get, role_assignments.show),
        Operation("DELETE", path + "/{role_id}", remove, role_assignments.remove),
    )
)
