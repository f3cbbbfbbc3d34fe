"""Writes the contract's facts for the tests: `python -m tools.derive_contract OPENAPI_YAML`.

OPENAPI_YAML is openapi.yaml of github.com/openai/openai-openapi (MIT, © OpenAI). What is kept of its administration operations is
a table: paths, methods, parameters, fields, types, what is required, null and listed values; none of its prose.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "tests" / "api" / "data" / "openai_administration.json"
NOTICE = "Derived from openapi.yaml of openai/openai-openapi. MIT License, Copyright (c) OpenAI (https://openai.com)."
_DEEPEST = 12


class Facts:
    """The facts of one OpenAPI document, its references resolved."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def operations(self, prefix: str = "") -> dict[str, Any]:
        """By `METHOD /path`, with `{}` for a parameter's name: `query`, `body`, `body_required`, `answer`."""
        return {
            f"{method.upper()} {prefix}{_nameless(path)}": self._operation(operation)
            for path, methods in self._document["paths"].items()
            for method, operation in methods.items()
            if method in {"get", "post", "put", "patch", "delete"}
        }

    def node(self, schema: dict[str, Any], depth: int = 0) -> dict[str, Any]:
        """`types`; and where they are given `enum`, `fields` with `required`, `items`. Alternatives are put together (a field is
        required if every alternative requires it), or are `variants` by the name in their field `object`."""
        schema = self._resolved(schema)
        if depth > _DEEPEST or not schema:
            return {"types": ["any"]}
        parts = schema.get("anyOf") or schema.get("oneOf")
        if parts:
            return _together([self.node(part, depth) for part in parts])
        if "allOf" in schema:
            return _all_of([self.node(part, depth) for part in schema["allOf"]])
        return self._plain(schema, depth)

    def _plain(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        types = schema.get("type", [])
        types = set([types] if isinstance(types, str) else types)
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if schema.get("nullable"):
            types.add("null")
        if values is not None:
            types |= {_TYPE_OF[type(value)] for value in values}
        if "properties" in schema:
            types.add("object")
        node: dict[str, Any] = {"types": sorted(types) or ["any"]}
        if values is not None:
            node["enum"] = sorted((value for value in values if value is not None), key=str)
        if "properties" in schema:
            node["fields"] = {name: self.node(field, depth + 1) for name, field in sorted(schema["properties"].items())}
            node["required"] = sorted(schema.get("required", []))
        if "items" in schema:
            node["items"] = self.node(schema["items"], depth + 1)
        return node

    def _operation(self, operation: dict[str, Any]) -> dict[str, Any]:
        parameters = [self._resolved(parameter) for parameter in operation.get("parameters", [])]
        body = self._resolved(operation.get("requestBody", {}))
        schema = body.get("content", {}).get("application/json", {}).get("schema")
        answer = operation["responses"].get("200", {}).get("content", {})
        return {
            "query": {
                p["name"].removesuffix("[]"): {"mandatory": bool(p.get("required")), **self.node(p["schema"])}
                for p in parameters
                if p["in"] == "query"
            },
            "body": None if schema is None else self.node(schema),
            "body_required": bool(body.get("required")),
            "answer": self.node(answer["application/json"]["schema"]) if "application/json" in answer else None,
        }

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            found: Any = self._document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema


_TYPE_OF = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def _nameless(path: str) -> str:
    return "/".join("{}" if step.startswith("{") else step for step in path.split("/"))


def _together(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    node: dict[str, Any] = {"types": sorted({type_ for each in nodes for type_ in each["types"]})}
    solid = [each for each in nodes if each["types"] != ["null"]]
    if solid and all("enum" in each for each in solid):
        node["enum"] = sorted({value for each in solid for value in each["enum"]}, key=str)
    objects = [each for each in nodes if "fields" in each]
    names_of_objects = [tuple(each["fields"].get("object", {}).get("enum", ())) for each in objects]
    if len(objects) > 1 and all(names_of_objects) and len(set(names_of_objects)) == len(objects):
        node["variants"] = {name: each for (name, *_), each in zip(names_of_objects, objects, strict=True)}
    elif objects:
        node["required"] = sorted(set.intersection(*(set(each["required"]) for each in objects)))
        names = sorted({name for each in objects for name in each["fields"]})
        node["fields"] = {n: _together([each["fields"][n] for each in objects if n in each["fields"]]) for n in names}
    items = [each["items"] for each in nodes if "items" in each]
    if items:
        node["items"] = _together(items)
    return node


def _all_of(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for each in nodes:
        fields |= each.get("fields", {})
    if not fields:
        return nodes[0]
    required = sorted({name for each in nodes for name in each.get("required", [])})
    return {"types": ["object"], "fields": fields, "required": required}


def main() -> None:
    import yaml

    with Path(sys.argv[1]).open() as source:
        document = yaml.load(source, Loader=yaml.CSafeLoader)
    facts = Facts(document).operations("/v1")
    kept = {
        name: operation
        for name, operation in sorted(facts.items())
        if name.split(" ")[1].startswith(("/v1/organization/", "/v1/projects/"))
    }
    DATA.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(facts, sort_keys=True)}" for name, facts in kept.items())
    DATA.write_text(f'{{"notice": {json.dumps(NOTICE)}, "operations": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
