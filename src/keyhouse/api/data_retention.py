"""`/v1/organization/data_retention`, and that of projects."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import data_retention

_OF_ORGANIZATION = "/v1/organization/data_retention"
_OF_PROJECT = "/v1/organization/projects/{project_id}/data_retention"


class _RetentionBody(msgspec.Struct, forbid_unknown_fields=True):
    retention_type: Any = UNSET


def get(call: Call) -> object:
    project_id = call.path.get("project_id")
    return data_retention.as_object(data_retention.show(call.control, call.caller, project_id), project_id)


def set_for_organization(call: Call) -> object:
    wanted = data_retention.set_for_organization(call.control, call.caller, call.body.retention_type)
    return data_retention.as_object(wanted, None)


def set_for_project(call: Call) -> object:
    project_id = call.path["project_id"]
    wanted = data_retention.set_for_project(call.control, call.caller, project_id, call.body.retention_type)
    return data_retention.as_object(wanted, project_id)


OPERATIONS = (
    Operation("GET", _OF_ORGANIZATION, get, data_retention.show),
    Operation("POST", _OF_ORGANIZATION, set_for_organization, data_retention.set_for_organization, body=_RetentionBody),
    Operation("GET", _OF_PROJECT, get, data_retention.show),
    Operation("POST", _OF_PROJECT, set_for_project, data_retention.set_for_project, body=_RetentionBody),
)
