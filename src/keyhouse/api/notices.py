"""`/v1/organization/notices` and `/v1/organization/webhook_secret`."""

from __future__ import annotations

from keyhouse.api.operation import Call, Operation
from keyhouse.control import notices
from keyhouse.wire.paging import PAGE, list_envelope, page_parameters

_PATH = "/v1/organization/notices"


def list_(call: Call) -> object:
    state = call.query.choice("state", "waiting", "delivered", "failed")
    cut, before = page_parameters(call.query), call.query.one("before")
    page = notices.list_page(call.control, call.caller, state=state, **cut, before=before)
    return list_envelope([notices.notice(item) for item in page.items], has_more=page.has_more)


def get(call: Call) -> object:
    return notices.notice(notices.show(call.control, call.caller, call.path["notice_id"]))


def new_secret(call: Call) -> object:
    return {"object": "organization.webhook_secret", "value": notices.new_secret(call.control, call.caller)}


OPERATIONS = (
    Operation("GET", _PATH, list_, notices.list_page, query=(*PAGE, "before", "state")),
    Operation("GET", _PATH + "/{notice_id}", get, notices.show),
    Operation("POST", "/v1/organization/webhook_secret", new_secret, notices.new_secret),
)
