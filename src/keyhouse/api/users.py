"""`/v1/organization/users`: the people of the organization."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import people, people_objects
from keyhouse.wire.paging import PAGE, list_envelope, page_parameters

_PATH = "/v1/organization/users"
_ONE = _PATH + "/{user_id}"


class _UserBody(msgspec.Struct, forbid_unknown_fields=True):
    role: Any = UNSET
    role_id: Any = UNSET
    technical_level: Any = UNSET
    developer_persona: Any = UNSET


class _NewUserBody(msgspec.Struct, forbid_unknown_fields=True):
    email: Any = UNSET
    name: Any = UNSET
    role: Any = "reader"


def list_(call: Call) -> object:
    emails = call.query.many("emails")
    page = people.list_page(call.control, call.caller, **page_parameters(call.query), emails=emails)
    return list_envelope([people_objects.user(item) for item in page.items], has_more=page.has_more)


def add(call: Call) -> object:
    made = people.add(call.control, call.caller, call.body.email, call.body.name, call.body.role)
    return {**people_objects.user(made.view), "password": made.password}


def get(call: Call) -> object:
    return people_objects.user(people.show(call.control, call.caller, call.path["user_id"]))


def update(call: Call) -> object:
    given = msgspec.structs.asdict(call.body)
    return people_objects.user(people.update(call.control, call.caller, call.path["user_id"], **given))


def delete(call: Call) -> object:
    return people_objects.user_removed(people.remove(call.control, call.caller, call.path["user_id"]))


OPERATIONS = (
    Operation("GET", _PATH, list_, people.list_page, query=(*PAGE, "emails")),
    Operation("POST", _PATH, add, people.add, body=_NewUserBody),
    Operation("GET", _ONE, get, people.show),
    Operation("POST", _ONE, update, people.update, body=_UserBody),
    Operation("DELETE", _ONE, delete, people.remove),
)
