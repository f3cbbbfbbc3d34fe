"""`/v1/organization/projects`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import fields, objects, projects, tags
from keyhouse.domain.projects import Project
from keyhouse.wire.paging import BOTH_WAYS, both_ways_parameters, list_envelope

_PATH = "/v1/organization/projects"


class _ProjectBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Any = UNSET
    tags: Any = UNSET
    external_key_id: Any = UNSET
    residency: Any = UNSET
    geography: Any = UNSET
    """What OpenAI's SDKs still send for residency."""


def list_(call: Call) -> object:
    archived = call.query.boolean("include_archived") or False
    cut = both_ways_parameters(call.query)
    page = projects.list_page(call.control, call.caller, **cut, include_archived=archived)
    return list_envelope(_objects(call, page.items), has_more=page.has_more)


def create(call: Call) -> object:
    _refuse_unenforced(call.body)
    return _object(call, projects.create(call.control, call.caller, call.body.name, call.body.tags))


def get(call: Call) -> object:
    return _object(call, projects.show(call.control, call.caller, call.path["project_id"]))


def update(call: Call) -> object:
    _refuse_unenforced(call.body)
    given = {"name": call.body.name, "new_tags": call.body.tags}
    return _object(call, projects.update(call.control, call.caller, call.path["project_id"], **given))


def archive(call: Call) -> object:
    return _object(call, projects.archive(call.control, call.caller, call.path["project_id"]))


def _object(call: Call, project: Project) -> object:
    return _objects(call, [project])[0]


def _objects(call: Call, found: Sequence[Project]) -> list[dict[str, object]]:
    of = tags.of(call.control, call.caller, [project.id for project in found])
    return [objects.project(project, of[project.id]) for project in found]


def _refuse_unenforced(body: _ProjectBody) -> None:
    fields.refuse_unenforced(
        {"external_key_id": body.external_key_id, "residency": body.residency, "geography": body.geography}
    )


OPERATIONS = (
    Operation("GET", _PATH, list_, projects.list_page, query=(*BOTH_WAYS, "include_archived")),
    Operation("POST", _PATH, create, projects.create, body=_ProjectBody),
    Operation("GET", _PATH + "/{project_id}", get, projects.show),
    Operation("POST", _PATH + "/{project_id}", update, projects.update, body=_ProjectBody),
    Operation("POST", _PATH + "/{project_id}/archive", archive, projects.archive),
)
