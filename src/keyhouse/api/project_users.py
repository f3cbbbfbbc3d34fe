"""`/v1/organization/projects/{project_id}/users` and `…/groups`: who is in a project."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import objects, people_objects, project_groups, project_users
from keyhouse.wire.paging import ORDERED, PAGE, list_envelope, next_envelope, next_parameters, page_parameters

_USERS = "/v1/organization/projects/{project_id}/users"
_USER = _USERS + "/{user_id}"
_GROUPS = "/v1/organization/projects/{project_id}/groups"
_GROUP = _GROUPS + "/{group_id}"


class _NewUserBody(msgspec.Struct, forbid_unknown_fields=True):
    role: Any = UNSET
    user_id: Any = UNSET
    email: Any = UNSET


class _UserBody(msgspec.Struct, forbid_unknown_fields=True):
    role: Any = UNSET


class _GroupBody(msgspec.Struct, forbid_unknown_fields=True):
    group_id: Any = UNSET
    role: Any = UNSET


def list_users(call: Call) -> object:
    page = project_users.list_page(call.control, call.caller, call.path["project_id"], **page_parameters(call.query))
    return list_envelope([people_objects.project_user(item) for item in page.items], has_more=page.has_more)


def add_user(call: Call) -> object:
    given, project_id = call.body, call.path["project_id"]
    added = project_users.add(
        call.control, call.caller, project_id, given.role, user_id=given.user_id, email=given.email
    )
    return people_objects.project_user(added)


def get_user(call: Call) -> object:
    found = project_users.show(call.control, call.caller, call.path["project_id"], call.path["user_id"])
    return people_objects.project_user(found)


def update_user(call: Call) -> object:
    project_id, user_id = call.path["project_id"], call.path["user_id"]
    changed = project_users.update(call.control, call.caller, project_id, user_id, call.body.role)
    return people_objects.project_user(changed)


def remove_user(call: Call) -> object:
    gone = project_users.remove(call.control, call.caller, call.path["project_id"], call.path["user_id"])
    return objects.deleted("organization.project.user", gone.id)


def list_groups(call: Call) -> object:
    cut = next_parameters(call.query, most=100, default=20)
    page = project_groups.list_page(call.control, call.caller, call.path["project_id"], **cut)
    found = [people_objects.project_group(item) for item in page.items]
    return next_envelope(found, has_more=page.has_more, next_=page.next)


def add_group(call: Call) -> object:
    given = call.body
    added = project_groups.add(call.control, call.caller, call.path["project_id"], given.group_id, given.role)
    return people_objects.project_group(added)


def get_group(call: Call) -> object:
    call.query.choice("group_type", "group", "tenant_group")
    found = project_groups.show(call.control, call.caller, call.path["project_id"], call.path["group_id"])
    return people_objects.project_group(found)


def remove_group(call: Call) -> object:
    project_groups.remove(call.control, call.caller, call.path["project_id"], call.path["group_id"])
    return {"object": "project.group.deleted", "deleted": True}


OPERATIONS = (
    Operation("GET", _USERS, list_users, project_users.list_page, query=PAGE),
    Operation("POST", _USERS, add_user, project_users.add, body=_NewUserBody),
    Operation("GET", _USER, get_user, project_users.show),
    Operation("POST", _USER, update_user, project_users.update, body=_UserBody),
    Operation("DELETE", _USER, remove_user, project_users.remove),
    Operation("GET", _GROUPS, list_groups, project_groups.list_page, query=ORDERED),
    Operation("POST", _GROUPS, add_group, project_groups.add, body=_GroupBody),
    Operation("GET", _GROUP, get_group, project_groups.show, query=("group_type",)),
    Operation("DELETE", _GROUP, remove_group, project_groups.remove),
)
