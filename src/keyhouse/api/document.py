"""The OpenAPI 3.1 document of the whole HTTP API, from the tables of operations and their shapes.

Built when it is first asked for and kept as bytes: a start neither imports nor builds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, cast

import msgspec

from keyhouse.api import administration
from keyhouse.api.shapes.common import Error, Group, Shape
from keyhouse.api.shapes.table import GROUPS
from keyhouse.control.authority import needs_of
from keyhouse.control.context import Control
from keyhouse.domain import operations
from keyhouse.domain.permissions import scope

_REFERENCE = "#/components/schemas/{name}"
_OPEN = ("/healthz", "/readyz", "/openapi.json", "/docs")
_OWN = (*_OPEN, "/metrics")
_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Described:
    """An operation that is served, with its shape. `permission`: what the key needs, None where none is asked for."""

    method: str
    path: str
    group: Group
    shape: Shape
    permission: str | None

    @property
    def id(self) -> str:
        """A name for links, unique: `get-organization-projects-project_id`."""
        return "-".join([self.method.lower(), *re.findall(r"\w+", self.path.removeprefix("/v1"))])


def served() -> list[tuple[str, str]]:
    """Method and path of every operation that the code's tables have."""
    return [
        *_verbs(),
        *((operation.method, operation.path) for operation in operations.OPERATIONS),
        *(("GET", path) for path in _OWN),
    ]


def described() -> Iterator[Described]:
    """Every operation that is served and has a shape, by group."""
    wanted = set(served())
    for group in GROUPS:
        for name, shape in group.shapes.items():
            method, path = name.split(" ")
            if (method, path) in wanted:
                yield Described(method, path, group, shape, _permission(method, path))


@cache
def encoded() -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document())


@cache
def document() -> dict[str, Any]:
    """The document as JSON-able values; whoever reads it leaves it as it is."""
    every = list(described())
    schemas = _schemas(every)
    paths: dict[str, dict[str, Any]] = {}
    for operation in every:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    queries = {operation.shape.query.__name__ for operation in every if operation.shape.query is not None}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Keyhouse",
            "version": version("keyhouse"),
            "description": "OpenAI's administration API and calls of models, and what Keyhouse has beside them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": group.name} for group in GROUPS],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name not in queries},
            "securitySchemes": {
                "AdminKey": {"type": "http", "scheme": "bearer", "description": "An admin key, `sk-khadm_…`"},
                "ProjectKey": {"type": "http", "scheme": "bearer", "description": "A key of a project, `sk-kh_…`"},
            },
        },
    }


def answer_type(method: str, path: str) -> Any:
    """The type of an operation's 200, of which `path` is the notation with names in braces. Raises `KeyError`."""
    return next(group.shapes[f"{method} {path}"].answer for group in GROUPS if f"{method} {path}" in group.shapes)


def _permission(method: str, path: str) -> str | None:
    for operation in operations.OPERATIONS:
        if (operation.method, operation.path) == (method, path):
            return scope(operation.resource, operation.access)
    verb = _verbs().get((method, path))
    if verb is None:
        return None
    needs = needs_of(verb)
    asked = needs.permission if "{project_id}" in path or needs.organization is None else needs.organization
    return asked.value


@cache
def _verbs() -> Mapping[tuple[str, str], Callable[..., object]]:
    """The verb of control in which each operation of the administration API ends."""
    routes = administration.read_routes(cast("Control", None))  # it is kept for requests; none is made here
    verbs = {(operation.method, operation.path): operation.verb for operation in administration.OPERATIONS}
    return verbs | {("GET", route.path): verb for route, verb in routes}


def _schemas(every: list[Described]) -> dict[str, Any]:
    types: list[Any] = [Error]
    for operation in every:
        shape = operation.shape
        types += [type_ for type_ in (shape.query, shape.body) if type_ is not None]
        if shape.answer is not bytes:
            types.append(shape.answer)
    _, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    return components


def _operation(operation: Described, schemas: dict[str, Any]) -> dict[str, Any]:
    shape = operation.shape
    built: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.group.name],
        "summary": shape.summary,
        "parameters": [*_path_parameters(operation.path), *_query_parameters(shape, schemas)],
        "security": _security(operation),
        "responses": _responses(operation),
    }
    if operation.permission is not None:
        built["x-permission"] = operation.permission
    if shape.body is not None:
        required = (operation.method, operation.path) not in _bodies_optional()
        content = {"application/json": {"schema": _schema(shape.body)}}
        built["requestBody"] = {"required": required, "content": content}
    return built


@cache
def _bodies_optional() -> frozenset[tuple[str, str]]:
    return frozenset((o.method, o.path) for o in administration.OPERATIONS if o.body_optional)


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(path)
    ]


def _query_parameters(shape: Shape, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if shape.query is None:
        return []
    schema = schemas[shape.query.__name__]
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field, **_style(field)}
        for name, field in schema["properties"].items()
    ]


def _style(field: dict[str, Any]) -> dict[str, Any]:
    return {"style": "deepObject", "explode": True} if "$ref" in field else {}


def _security(operation: Described) -> list[dict[str, list[str]]]:
    if operation.path in _OPEN:
        return []
    return [{"AdminKey" if _is_administration(operation.path) else "ProjectKey": []}]


def _is_administration(path: str) -> bool:
    return path.startswith(("/v1/organization", "/v1/projects/")) or path == "/metrics"


def _responses(operation: Described) -> dict[str, Any]:
    shape = operation.shape
    schema = {"type": "string"} if shape.answer is bytes else _schema(shape.answer)
    responses: dict[str, Any] = {"200": {"description": "Done", "content": {shape.media_type: {"schema": schema}}}}
    if operation.path == "/readyz":
        responses["503"] = {"description": "It cannot, and why", "content": {shape.media_type: {"schema": schema}}}
    for status in _refusals(operation):
        content = {"application/json": {"schema": _schema(Error)}}
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    return responses


def _refusals(operation: Described) -> list[int]:
    if operation.path in _OPEN:
        return []
    if operation.path == "/metrics":
        return [401, 403, 503]
    statuses = {400, 401, 403, 404, 503}  # 404: an id in the path, the query or the body that is nobody's here
    if operation.method != "GET":
        statuses |= {408, 409, 413}
    if not _is_administration(operation.path):
        statuses |= {429, 500, 502, 504}
    return sorted(statuses)


def _schema(type_: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([type_], ref_template=_REFERENCE)
    return schema
