"""`/v1/organization/projects/{project_id}/api_keys`: the keys of people and of service accounts in a project."""

from __future__ import annotations

from keyhouse.api.key_bodies import ProjectKeyBody, RotateBody
from keyhouse.api.operation import Call, Operation
from keyhouse.control import keys, objects
from keyhouse.control.minting import Holder
from keyhouse.domain.keys import KeyKind
from keyhouse.wire.paging import BOTH_WAYS, both_ways_parameters, list_envelope

_PATH = "/v1/organization/projects/{project_id}/api_keys"
_ONE = _PATH + "/{key_id}"
_ACCESS = {"active": True, "inactive": False, "any": None, None: None}


def list_(call: Call) -> object:
    access = _ACCESS[call.query.choice("owner_project_access", "active", "inactive", "any")]
    cut = both_ways_parameters(call.query)
    page = keys.list_page(call.control, call.caller, call.path["project_id"], **cut, owner_access=access)
    return list_envelope([objects.project_key(item) for item in page.items], has_more=page.has_more)


def create(call: Call) -> object:
    holder = Holder(KeyKind.USER, call.path["project_id"])
    created = keys.create(call.control, call.caller, holder, call.body.fields())
    return {**objects.project_key(created.view), "value": created.value}


def get(call: Call) -> object:
    return objects.project_key(keys.show(call.control, call.caller, call.path["project_id"], call.path["key_id"]))


def update(call: Call) -> object:
    project_id, key_id = call.path["project_id"], call.path["key_id"]
    return objects.project_key(keys.update(call.control, call.caller, project_id, key_id, call.body.fields()))


def delete(call: Call) -> object:
    project_id, key_id = call.path["project_id"], call.path["key_id"]
    keys.delete(call.control, call.caller, project_id, key_id)
    return objects.deleted("organization.project.api_key", key_id)


def rotate(call: Call) -> object:
    project_id, key_id = call.path["project_id"], call.path["key_id"]
    rotated = keys.rotate(call.control, call.caller, project_id, key_id, grace_seconds=call.body.grace_seconds)
    return {
        **objects.project_key(rotated.view),
        "previous_valid_until": rotated.previous_valid_until,
        "value": rotated.value,
    }


def disable(call: Call) -> object:
    return objects.project_key(keys.disable(call.control, call.caller, call.path["project_id"], call.path["key_id"]))


def enable(call: Call) -> object:
    return objects.project_key(keys.enable(call.control, call.caller, call.path["project_id"], call.path["key_id"]))


def revoke(call: Call) -> object:
    return objects.project_key(keys.revoke(call.control, call.caller, call.path["project_id"], call.path["key_id"]))


OPERATIONS = (
    Operation("GET", _PATH, list_, keys.list_page, query=(*BOTH_WAYS, "owner_project_access")),
    Operation("POST", _PATH, create, keys.create, body=ProjectKeyBody),
    Operation("GET", _ONE, get, keys.show),
    Operation("POST", _ONE, update, keys.update, body=ProjectKeyBody),
    Operation("DELETE", _ONE, delete, keys.delete),
    Operation("POST", _ONE + "/rotate", rotate, keys.rotate, body=RotateBody, body_optional=True),
    Operation("POST", _ONE + "/disable", disable, keys.disable),
    Operation("POST", _ONE + "/enable", enable, keys.enable),
    Operation("POST", _ONE + "/revoke", revoke, keys.revoke),
)
