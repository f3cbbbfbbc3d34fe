"""`/docs`: the OpenAPI document as one page of HTML, with a style sheet of its own and no script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from keyhouse.api import document
from keyhouse.api.pages import HEAD_LINKS

_EXAMPLE_HOST = "http://127.0.0.1:8585"


@cache
def style() -> bytes:
    return files("keyhouse.api").joinpath("docs.css").read_bytes()


@cache
def icon() -> bytes:
    return files("keyhouse.api").joinpath("icon.svg").read_bytes()


@cache
def page() -> bytes:
    """The page, in UTF-8. It refers to its style sheet, its icon and `/openapi.json`, and to no other host."""
    whole = document.document()
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    schemas = whole["components"]["schemas"]
    parts = [_head(), "<nav aria-label='Resources'><h2>Resources</h2><ul>"]
    parts += [
        f"<li><a href='#{_anchor(name)}'>{escape(name)}</a> <small>{len(groups[name])}</small></li>" for name in groups
    ]
    parts.append("<li><a href='#types'>Types</a></li></ul></nav><main>")
    parts.append(_introduction())
    for name, operations in groups.items():
        parts.append(f"<section id='{_anchor(name)}'><h2>{escape(name)}</h2>")
        parts += [_operation(*operation, schemas) for operation in operations]
        parts.append("</section>")
    parts.append("<section id='types'><h2>Types</h2>")
    parts += [_type(name, schema) for name, schema in sorted(schemas.items())]
    parts.append("</section></main></body></html>\n")
    return "".join(parts).encode()


def _head() -> str:
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Keyhouse: the HTTP API</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'><meta name='color-scheme' content='light dark'>"
        f"{HEAD_LINKS}</head><body><header><a href='#top' id='top'>Keyhouse</a> "
        "<span>HTTP API</span> <a href='/openapi.json'>openapi.json</a></header>"
    )


def _introduction() -> str:
    return (
        "<h1>HTTP API</h1><p>Keys go into <code>Authorization: Bearer …</code>. Bodies are JSON objects; a field or a "
        "parameter that an operation of the administration API does not have is refused. Every refusal has the shape of "
        "<a href='#type-Error'>Error</a>, with <code>param</code> naming the field at fault.</p>"
    )


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    anchor = escape(operation["operationId"])
    parts = [
        f"<article id='{anchor}'><h3><a href='#{anchor}'>{escape(operation['summary'])}</a></h3>"
        f"<p class='request'><b class='{method.lower()}'>{method}</b> <code>{_breakable(path)}</code></p>"
    ]
    parts.append(f"<p class='needs'>{_needs(operation)}</p>")
    if operation["parameters"]:
        rows = [(p["name"], p["schema"], p["required"], f"{p['in']} ") for p in operation["parameters"]]
        parts.append(_table("Parameters", rows))
    body = operation.get("requestBody")
    if body is not None:
        schema = schemas[_name_of(body["content"]["application/json"]["schema"])]
        heading = "Body" if body["required"] else "Body (may be left out)"
        parts.append(_note(schema) + _table(heading, _fields(schema)))
    parts += [_answers(operation["responses"]), _curl(method, path, operation, schemas), "</article>"]
    return "".join(parts)


def _needs(operation: dict[str, Any]) -> str:
    if not operation["security"]:
        return "Needs no key."
    key = "an admin key" if "AdminKey" in operation["security"][0] else "a project's key"
    permission = operation.get("x-permission")
    return f"Needs {key}" + (f" with <code>{_breakable(permission)}</code>." if permission else ".")


def _answers(responses: dict[str, Any]) -> str:
    done = responses["200"]["content"]
    (media_type,) = done
    shape = _said(done[media_type]["schema"]) if media_type == "application/json" else escape(media_type)
    refusals = ", ".join(
        f"<abbr title='{escape(response['description'])}'>{status}</abbr>"
        for status, response in responses.items()
        if status != "200"
    )
    return f"<dl><dt>200</dt><dd>{shape}</dd>" + (f"<dt>Errors</dt><dd>{refusals}</dd>" if refusals else "") + "</dl>"


def _curl(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    words = ["curl"] if method == "GET" else ["curl", "-X", method]
    query = "&".join(f"{p['name']}=…" for p in operation["parameters"] if p["in"] == "query" and p["required"])
    words.append(f"'{_EXAMPLE_HOST}{path}{'?' if query else ''}{query}'")
    if operation["security"]:
        name = "OPENAI_ADMIN_KEY" if "AdminKey" in operation["security"][0] else "OPENAI_API_KEY"
        words.append(f'-H "Authorization: Bearer ${name}"')
    body = operation.get("requestBody")
    if body is not None and body["required"]:
        schema = schemas[_name_of(body["content"]["application/json"]["schema"])]
        given = {name: _example(schema["properties"][name]) for name in schema.get("required", [])}
        words.append("-H 'Content-Type: application/json' -d '" + json.dumps(given, ensure_ascii=False) + "'")
    return f"<pre tabindex='0'>{escape(' '.join(words), quote=False)}</pre>"


def _example(schema: dict[str, Any]) -> object:
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("examples"):
        return schema["examples"][0]
    return {"integer": max(schema.get("minimum", 1), 1), "number": 1, "array": [], "boolean": True, "string": "…"}.get(
        schema.get("type", ""), {}
    )


def _type(name: str, schema: dict[str, Any]) -> str:
    anchor = f"type-{escape(name)}"
    return (
        f"<article id='{anchor}'><h3><a href='#{anchor}'>{_title(name)}</a></h3>"
        f"{_note(schema)}{_table('Fields', _fields(schema))}</article>"
    )


def _note(schema: dict[str, Any]) -> str:
    return f"<p>{_text(schema['description'])}</p>" if "description" in schema else ""


def _fields(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any], bool, str]]:
    required = schema.get("required", [])
    return [(name, field, name in required, "") for name, field in schema.get("properties", {}).items()]


def _table(heading: str, rows: list[tuple[str, dict[str, Any], bool, str]]) -> str:
    lines = "".join(
        f"<tr><th scope='row'><code>{_breakable(name)}</code></th>"
        f"<td>{place}{'<b>required</b> ' if required else ''}{_said(schema)}</td></tr>"
        for name, schema, required, place in rows
    )
    return f"<table><caption>{heading}</caption><tbody>{lines}</tbody></table>"


def _said(schema: dict[str, Any]) -> str:
    """A schema as a phrase: its type, its bounds and its description."""
    said = " ".join(_words(schema))
    return said + (f" <small>{_text(schema['description'])}</small>" if "description" in schema else "")


def _words(schema: dict[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        name = _name_of(schema)
        yield f"<a href='#type-{escape(name)}'>{_title(name)}</a>"
    elif "anyOf" in schema:
        yield " or ".join(_said(part) for part in schema["anyOf"])
    elif "enum" in schema:
        yield " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    elif schema.get("type") == "array":
        yield "list of " + _said(schema.get("items", {}))
    elif schema.get("type") == "object":
        yield "object of " + _said(schema.get("additionalProperties") or {})
    else:
        yield schema.get("type", "anything")
    yield from _bounds(schema)


def _bounds(schema: dict[str, Any]) -> Iterator[str]:
    for low, high, of in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
    ):
        if high in schema:
            yield f"<span>{schema.get(low, 0)} to {schema[high]}{of}</span>"
        elif low in schema:
            yield f"<span>at least {schema[low]}{of}</span>"


def _name_of(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _title(name: str) -> str:
    """`ListOf_Project_` as `ListOf Project`: a type and what it is made of."""
    return escape(name.rstrip("_").replace("_", " "))


def _anchor(name: str) -> str:
    return escape(name.lower().replace(" ", "-"))


def _text(text: str) -> str:
    """A sentence whose `code` is marked as such."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))


def _breakable(text: str) -> str:
    """Long names may be broken after their dots, slashes and underscores."""
    broken = escape(text).replace("/", "\0/")
    for mark in "._":
        broken = broken.replace(mark, mark + "\0")
    return broken.replace("\0", "<wbr>")
