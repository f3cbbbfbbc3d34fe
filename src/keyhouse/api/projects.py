"""`/v1/organization/projects`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import objects, projects, tags
from keyhouse.control.project_fields import ProjectFields
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

    def fields(self) -> ProjectFields:
        return ProjectFields(self.external_key_id, self.residency, self.geography)


def list_(call: Call) -> object:
    archived = call.query.boolean("include_archived") or False
    cut = both_ways_parameters(call.query)
    page = projects.list_page(call.control, call.caller, **cut, include_archived=archived)
    return list_envelope(_objects(call, page.items), has_more=page.has_more)


def create(call: Call) -> object:
    made = projects.create(call.control, call.caller, call.body.name, call.body.tags, call.body.fields())
    return _object(call, made)


def get(call: Call) -> object:
    return _object(call, projects.show(call.control, call.caller, call.path["project_id"]))


def update(call: Call) -> object:
    given = {"name": call.body.name, "new_tags": call.body.tags, "given": call.body.fields()}
    return _object(call, projects.update(call.control, call.caller, call.path["project_id"], **given))


def archive(call: Call) -> object:
    return _object(call, projects.archive(call.control, call.caller, call.path["project_id"]))


def _object(call: Call, project: Project) -> object:
    return _objects(call, [project])[0]


def _objects(call: Call, found: Sequence[Project]) -> list[dict[str, object]]:
    of = tags.of(call.control, call.caller, [project.id for project in found])
    return [objects.project(project, of[project.id]) for project in found]


OPERATIONS = (
    Operation("GET", _PATH, list_, projects.list_page, query=(*BOTH_WAYS, "include_archived")),
    Operation("POST", _PATH, create, projects.create, body=_ProjectBody),
    Operation("GET", _PATH + "/{project_id}", get, projects.show),
    Operation("POST", _PATH + "/{project_id}", update, projects.update, body=_ProjectBody),
    Operation("POST", _PATH + "/{project_id}/archive", archive, projects.archive),
)
