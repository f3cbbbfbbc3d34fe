"""`/v1/organization/invites`: people who may join. How they do is in `invite_page`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import invites, objects, people_objects
from keyhouse.wire.paging import PAGE, list_envelope, page_parameters

_PATH = "/v1/organization/invites"
_ONE = _PATH + "/{invite_id}"


class _InviteBody(msgspec.Struct, forbid_unknown_fields=True):
    email: Any = UNSET
    role: Any = UNSET
    projects: Any = UNSET


def list_(call: Call) -> object:
    page = invites.list_page(call.control, call.caller, **page_parameters(call.query))
    now = call.control.clock()
    return list_envelope([people_objects.invite(item, now) for item in page.items], has_more=page.has_more)


def create(call: Call) -> object:
    sent = invites.create(call.control, call.caller, call.body.email, call.body.role, call.body.projects)
    return {**people_objects.invite(sent.invite, call.control.clock()), "invite_url": sent.url}


def get(call: Call) -> object:
    found = invites.show(call.control, call.caller, call.path["invite_id"])
    return people_objects.invite(found, call.control.clock())


def delete(call: Call) -> object:
    gone = invites.delete(call.control, call.caller, call.path["invite_id"])
    return objects.deleted("organization.invite", gone.id)


OPERATIONS = (
    Operation("GET", _PATH, list_, invites.list_page, query=PAGE),
    Operation("POST", _PATH, create, invites.create, body=_InviteBody),
    Operation("GET", _ONE, get, invites.show),
    Operation("DELETE", _ONE, delete, invites.delete),
)
