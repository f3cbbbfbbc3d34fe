"""`/v1/organization/spend_alerts` and `/v1/organization/projects/{project_id}/spend_alerts`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import budget_objects, objects, spend_alerts
from keyhouse.wire.paging import BOTH_WAYS, both_ways_parameters, list_envelope

_ORGANIZATION = "/v1/organization/spend_alerts"
_PROJECT = "/v1/organization/projects/{project_id}/spend_alerts"


class _AlertBody(msgspec.Struct, forbid_unknown_fields=True):
    threshold_amount: Any = UNSET
    currency: Any = UNSET
    interval: Any = UNSET
    notification_channel: Any = UNSET
    webhook_url: Any = UNSET


def list_(call: Call) -> object:
    cut = both_ways_parameters(call.query)
    page = spend_alerts.list_page(call.control, call.caller, call.path.get("project_id"), **cut)
    return list_envelope([budget_objects.spend_alert(item) for item in page.items], has_more=page.has_more)


def create(call: Call) -> object:
    given = msgspec.structs.asdict(call.body)
    made = spend_alerts.create(call.control, call.caller, call.path.get("project_id"), given)
    return budget_objects.spend_alert(made)


def get(call: Call) -> object:
    project_id, alert_id = call.path.get("project_id"), call.path["alert_id"]
    return budget_objects.spend_alert(spend_alerts.show(call.control, call.caller, project_id, alert_id))


def update(call: Call) -> object:
    project_id, alert_id = call.path.get("project_id"), call.path["alert_id"]
    given = msgspec.structs.asdict(call.body)
    return budget_objects.spend_alert(spend_alerts.update(call.control, call.caller, project_id, alert_id, given))


def delete(call: Call) -> object:
    removed = spend_alerts.remove(call.control, call.caller, call.path.get("project_id"), call.path["alert_id"])
    return objects.deleted(budget_objects.spend_alert_type(removed.level), removed.id)


OPERATIONS = tuple(
    operation
    for path in (_ORGANIZATION, _PROJECT)
    for operation in (
        Operation("GET", path, list_, spend_alerts.list_page, query=BOTH_WAYS),
        Operation("POST", path, create, spend_alerts.create, body=_AlertBody),
        Operation("GET", path + "/{alert_id}", get, spend_alerts.show),
        Operation("POST", path + "/{alert_id}", update, spend_alerts.update, body=_AlertBody),
        Operation("DELETE", path + "/{alert_id}", delete, spend_alerts.remove),
    )
)
