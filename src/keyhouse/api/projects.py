"""`/v1/organization/projects`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import fields, objects, projects
from keyhouse.wire.paging import list_envelope, page_parameters

_PATH = "/v1/organization/projects"


class _ProjectBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Any = UNSET
    external_key_id: Any = UNSET
    residency: Any = UNSET
    geography: Any = UNSET
    """What OpenAI's SDKs still send for residency."""


def list_(call: Call) -> object:
    archived = call.query.boolean("include_archived") or False
    page = projects.list_page(call.control, call.caller, **page_parameters(call.query), include_archived=archived)
    return list_envelope([objects.project(item) for item in page.items], has_more=page.has_more)


def create(call: Call) -> object:
    return objects.project(projects.create(call.control, call.caller, _name(call.body)))


def get(call: Call) -> object:
    return objects.project(projects.show(call.control, call.caller, call.path["project_id"]))


def update(call: Call) -> object:
    return objects.project(projects.rename(call.control, call.caller, call.path["project_id"], _name(call.body)))


def archive(call: Call) -> object:
    return objects.project(projects.archive(call.control, call.caller, call.path["project_id"]))


def _name(body: _ProjectBody) -> object:
    fields.refuse_unenforced(
        {"external_key_id": body.external_key_id, "residency": body.residency, "geography": body.geography}
    )
    return body.name


OPERATIONS = (
    Operation("GET", _PATH, list_, query=("after", "include_archived", "limit")),
    Operation("POST", _PATH, create, body=_ProjectBody),
    Operation("GET", _PATH + "/{project_id}", get),
    Operation("POST", _PATH + "/{project_id}", update, body=_ProjectBody),
    Operation("POST", _PATH + "/{project_id}/archive", archive),
)
