"""`/v1/organization/admin_api_keys`: keys of this API, which call no model."""

from __future__ import annotations

from keyhouse.api.key_bodies import AdminKeyBody, RotateBody
from keyhouse.api.operation import Call, Operation
from keyhouse.control import keys, objects
from keyhouse.control.minting import Holder
from keyhouse.domain.keys import KeyKind
from keyhouse.wire.paging import BOTH_WAYS, both_ways_parameters, list_envelope

_PATH = "/v1/organization/admin_api_keys"
_ONE = _PATH + "/{key_id}"


def list_(call: Call) -> object:
    page = keys.list_page(call.control, call.caller, None, **both_ways_parameters(call.query))
    return list_envelope([objects.admin_key(item) for item in page.items], has_more=page.has_more)


def create(call: Call) -> object:
    created = keys.create(call.control, call.caller, Holder(KeyKind.ADMIN), call.body.fields())
    return {**objects.admin_key(created.view), "value": created.value}


def get(call: Call) -> object:
    return objects.admin_key(keys.show(call.control, call.caller, None, call.path["key_id"]))


def update(call: Call) -> object:
    return objects.admin_key(keys.update(call.control, call.caller, None, call.path["key_id"], call.body.fields()))


def delete(call: Call) -> object:
    keys.delete(call.control, call.caller, None, call.path["key_id"])
    return objects.deleted("organization.admin_api_key", call.path["key_id"])


def rotate(call: Call) -> object:
    grace = call.body.grace_seconds
    rotated = keys.rotate(call.control, call.caller, None, call.path["key_id"], grace_seconds=grace)
    return {
        **objects.admin_key(rotated.view),
        "previous_valid_until": rotated.previous_valid_until,
        "value": rotated.value,
    }


def disable(call: Call) -> object:
    return objects.admin_key(keys.disable(call.control, call.caller, None, call.path["key_id"]))


def enable(call: Call) -> object:
    return objects.admin_key(keys.enable(call.control, call.caller, None, call.path["key_id"]))


def revoke(call: Call) -> object:
    return objects.admin_key(keys.revoke(call.control, call.caller, None, call.path["key_id"]))


OPERATIONS = (
    Operation("GET", _PATH, list_, keys.list_page, query=BOTH_WAYS),
    Operation("POST", _PATH, create, keys.create, body=AdminKeyBody),
    Operation("GET", _ONE, get, keys.show),
    Operation("POST", _ONE, update, keys.update, body=AdminKeyBody),
    Operation("DELETE", _ONE, delete, keys.delete),
    Operation("POST", _ONE + "/rotate", rotate, keys.rotate, body=RotateBody, body_optional=True),
    Operation("POST", _ONE + "/disable", disable, keys.disable),
    Operation("POST", _ONE + "/enable", enable, keys.enable),
    Operation("POST", _ONE + "/revoke", revoke, keys.revoke),
)
