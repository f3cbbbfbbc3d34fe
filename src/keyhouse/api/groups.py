"""`/v1/organization/groups`, and the people in them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import groups, objects, people_objects
from keyhouse.wire.paging import ORDERED, next_envelope, next_parameters

_PATH = "/v1/organization/groups"
_ONE = _PATH + "/{group_id}"
_PEOPLE = _ONE + "/users"
_PERSON = _PEOPLE + "/{user_id}"
_PAGE = 100


class _GroupBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Any = UNSET


class _PersonBody(msgspec.Struct, forbid_unknown_fields=True):
    user_id: Any = UNSET


def list_(call: Call) -> object:
    page = groups.list_page(call.control, call.caller, **next_parameters(call.query, default=_PAGE))
    found = [people_objects.group(item) for item in page.items]
    return next_envelope(found, has_more=page.has_more, next_=page.next)


def create(call: Call) -> object:
    return people_objects.group(groups.create(call.control, call.caller, call.body.name))


def get(call: Call) -> object:
    return people_objects.group(groups.show(call.control, call.caller, call.path["group_id"]))


def update(call: Call) -> object:
    renamed = groups.rename(call.control, call.caller, call.path["group_id"], call.body.name)
    return people_objects.group_renamed(renamed)


def delete(call: Call) -> object:
    return objects.deleted("group", groups.delete(call.control, call.caller, call.path["group_id"]).id)


def list_people(call: Call) -> object:
    cut = next_parameters(call.query, default=_PAGE, newest_first=True)
    page = groups.list_people(call.control, call.caller, call.path["group_id"], **cut)
    found = [people_objects.group_user(person) for person, _ in page.items]
    return next_envelope(found, has_more=page.has_more, next_=page.next)


def add_person(call: Call) -> object:
    added = groups.add_person(call.control, call.caller, call.path["group_id"], call.body.user_id)
    return people_objects.group_assignment(added)


def get_person(call: Call) -> object:
    group_id, user_id = call.path["group_id"], call.path["user_id"]
    return people_objects.group_member(groups.show_person(call.control, call.caller, group_id, user_id))


def remove_person(call: Call) -> object:
    groups.remove_person(call.control, call.caller, call.path["group_id"], call.path["user_id"])
    return {"object": "group.user.deleted", "deleted": True}


OPERATIONS = (
    Operation("GET", _PATH, list_, groups.list_page, query=ORDERED),
    Operation("POST", _PATH, create, groups.create, body=_GroupBody),
    Operation("GET", _ONE, get, groups.show),
    Operation("POST", _ONE, update, groups.rename, body=_GroupBody),
    Operation("DELETE", _ONE, delete, groups.delete),
    Operation("GET", _PEOPLE, list_people, groups.list_people, query=ORDERED),
    Operation("POST", _PEOPLE, add_person, groups.add_person, body=_PersonBody),
    Operation("GET", _PERSON, get_person, groups.show_person),
    Operation("DELETE", _PERSON, remove_person, groups.remove_person),
)
