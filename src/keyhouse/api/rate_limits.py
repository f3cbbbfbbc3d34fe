"""`/v1/organization/projects/{project_id}/rate_limits`, and `/v1/organization/rate_limits` for all of them together."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import limit_objects, limits
from keyhouse.control.limit_fields import LimitFields
from keyhouse.wire.paging import PAGE, list_envelope, page_parameters

_OF_ORGANIZATION = "/v1/organization/rate_limits"
_OF_PROJECT = "/v1/organization/projects/{project_id}/rate_limits"
_DEFAULT_LIMIT = 100
_MAX_LIMIT = 1000


class LimitsBody(msgspec.Struct, forbid_unknown_fields=True):
    max_requests_per_1_minute: Any = UNSET
    max_tokens_per_1_minute: Any = UNSET
    max_images_per_1_minute: Any = UNSET
    max_audio_megabytes_per_1_minute: Any = UNSET
    max_requests_per_1_day: Any = UNSET
    batch_1_day_max_input_tokens: Any = UNSET

    def fields(self) -> LimitFields:
        given = msgspec.structs.asdict(self)
        given.pop("model", None)
        return LimitFields(**given)


class ModelLimitsBody(LimitsBody, forbid_unknown_fields=True):
    """As a row's, for the model of this name."""

    model: Any = UNSET


def list_(call: Call) -> object:
    cut = page_parameters(call.query, most=_MAX_LIMIT, default=_DEFAULT_LIMIT)
    before = call.query.one("before")
    page = limits.list_page(call.control, call.caller, call.path.get("project_id"), **cut, before=before)
    return list_envelope([limit_objects.rate_limit(item) for item in page.items], has_more=page.has_more)


def set_model(call: Call) -> object:
    project_id = call.path.get("project_id")
    changed = limits.set_model(call.control, call.caller, project_id, call.body.model, call.body.fields())
    return limit_objects.rate_limit(changed)


def update(call: Call) -> object:
    project_id, rate_limit_id = call.path.get("project_id"), call.path["rate_limit_id"]
    return limit_objects.rate_limit(
        limits.update(call.control, call.caller, project_id, rate_limit_id, call.body.fields())
    )


OPERATIONS = tuple(
    operation
    for path in (_OF_PROJECT, _OF_ORGANIZATION)
    for operation in (
        Operation("GET", path, list_, limits.list_page, query=(*PAGE, "before")),
        Operation("POST", path, set_model, limits.set_model, body=ModelLimitsBody),
        Operation("POST", path + "/{rate_limit_id}", update, limits.update, body=LimitsBody),
    )
)
