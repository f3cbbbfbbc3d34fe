"""Which hosted tools a body asks for. Only read for keys whose project denies some."""

from __future__ import annotations

import json
from collections.abc import Iterator

from keyhouse.domain.errors import invalid
from keyhouse.domain.hosted_tools import HostedTool, hosted_tool
from keyhouse.edge.watched import Watched, items

_OF_A_BODY = Watched("tools", "web_search_options")
_OF_A_TOOL = Watched("type")
_MAX_TOOLS = 1_000


def asked_for(body: bytes) -> Iterator[tuple[HostedTool, str]]:
    """Each with the field that asks for it: `tools[2].type`, `web_search_options`. The body is known to be JSON. Raises
    `invalid_value` for tools that cannot be read, and `duplicate_field` for those that can be read in two ways."""
    if not _OF_A_BODY.may_be_in(body):
        return
    text = body.decode("utf-8")
    for key, start, end in _OF_A_BODY.members(text, text.index("{")):
        if text[start:end] == "null":
            continue
        if key == "web_search_options":
            yield HostedTool.WEB_SEARCH, key
        elif key == "tools":
            yield from _of_list(text, start)


def _of_list(text: str, start: int) -> Iterator[tuple[HostedTool, str]]:
    if text[start] != "[":
        raise invalid("tools", "'tools' must be a list.")
    for i, item in enumerate(items(text, start)):
        if i == _MAX_TOOLS:
            raise invalid("tools", f"'tools' must not have more than {_MAX_TOOLS:,} entries.")
        path = f"tools[{i}]"
        if text[item] != "{":
            raise invalid(path, f"'{path}' must be an object.")
        tool = hosted_tool(_type_of(text, item, f"{path}."))
        if tool is not None:
            yield tool, f"{path}.type"


def _type_of(text: str, item: int, path: str) -> str:
    found = None
    for key, start, end in _OF_A_TOOL.members(text, item, path):
        if key == "type":
            found = text[start:end]
    if found is None or not found.startswith('"'):
        raise invalid(f"{path}type", f"'{path}type' is required, and must be a string.")
    return str(json.loads(found))
