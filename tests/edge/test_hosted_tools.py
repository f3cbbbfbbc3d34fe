"""The hosted tools that a body asks for: found wherever an upstream's parser would find them, or the body is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.errors import KeyhouseError
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.edge.hosted_tools import asked_for

FUNCTION: dict[str, Any] = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def found(body: object) -> list[tuple[str, str]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return [(tool.value, param) for tool, param in asked_for(data)]


def refusal(body: object) -> tuple[str, str | None]:
    with pytest.raises(KeyhouseError) as caught:
        found(body)
    return caught.value.code.code, caught.value.param


@pytest.mark.parametrize(
    ("type_", "tool"),
    [
        *((tool.value, tool.value) for tool in HostedTool),
        ("web_search_preview", "web_search"),
        ("web_search_preview_2025_03_11", "web_search"),
        ("web_search_2025_08_26", "web_search"),
        ("MCP", "mcp"),
        (" Code_Interpreter ", "code_interpreter"),
        ("file_ſearch", "file_search"),
    ],
)
def test_a_tool_is_known_by_its_type_in_any_version_and_case(type_: str, tool: str) -> None:
    assert found({"model": "m", "tools": [FUNCTION, {"type": type_}]}) == [(tool, "tools[1].type")]


@pytest.mark.parametrize("type_", ["function", "custom", "namespace", "shell", "mcps", "web-search", "search", ""])
def test_what_the_caller_runs_itself_is_none(type_: str) -> None:
    assert found({"model": "m", "tools": [{"type": type_}]}) == []


def test_options_of_a_search_ask_for_one() -> None:
    assert found({"web_search_options": {}}) == [("web_search", "web_search_options")]
    assert found({"web_search_options": None, "tools": None}) == []


@pytest.mark.parametrize(
    "body",
    [
        rb'{"model":"m","too\u006cs":[{"type":"mcp"}]}',
        rb'{"model":"m","tools":[{"t\u0079pe":"mcp"}]}',
        rb'{"model":"m","tools":[{"type":"m\u0063p"}]}',
        b'\n{ "a" : "tools" , "tools" :\t[ { "x" : [ ] , "type" : "mcp" } ] }',
    ],
)
def test_a_tool_does_not_hide_behind_how_it_is_written(body: bytes) -> None:
    assert found(body) == [("mcp", "tools[0].type")]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"tools":[],"tools":[{"type":"mcp"}]}', "tools"),
        (b'{"tools":[],"Tools":[{"type":"mcp"}]}', "tools"),
        ('{"toolſ":[{"type":"mcp"}]}'.encode(), "tools"),
        (rb'{"TOOL\u0053":[]}', "tools"),
        (b'{"web_search_options":null,"Web_Search_Options":{}}', "web_search_options"),
        (b'{"tools":[{"type":"function"},{"type":"function","type":"mcp"}]}', "tools[1].type"),
        (b'{"tools":[{"type":"function","Type":"mcp"}]}', "tools[0].type"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(body: bytes, param: str) -> None:
    assert refusal(body) == ("duplicate_field", param)


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ({}, "tools"),
        ("mcp", "tools"),
        (0, "tools"),
        (["mcp"], "tools[0]"),
        ([FUNCTION, None], "tools[1]"),
        ([{}], "tools[0].type"),
        ([{"type": None}], "tools[0].type"),
        ([{"type": ["mcp"]}], "tools[0].type"),
        ([FUNCTION] * 1001, "tools"),
    ],
)
def test_tools_that_cannot_be_read_are_refused(tools: object, param: str) -> None:
    assert refusal({"model": "m", "tools": tools}) == ("invalid_value", param)


leaves = st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=9,
)
others = st.dictionaries(
    st.text(max_size=12).filter(lambda key: key.casefold() not in {"tools", "web_search_options"}), values
)
types = st.sampled_from(["function", "custom", *(tool.value for tool in HostedTool)])
tools = st.dictionaries(st.text(max_size=6).filter(lambda key: key.casefold() != "type"), values, max_size=3)


@given(others, st.lists(st.tuples(types, tools), max_size=6), st.booleans(), st.sampled_from([None, 1]))
def test_every_hosted_tool_of_any_body_is_found_and_no_other(
    before: dict[str, Any], listed: list[tuple[str, dict[str, Any]]], escaped: bool, indent: int | None
) -> None:
    body = {**before, "tools": [{**more, "type": type_} for type_, more in listed], "user": "alice"}
    hosted = {tool.value for tool in HostedTool}
    expected = [(type_, f"tools[{i}].type") for i, (type_, _) in enumerate(listed) if type_ in hosted]
    assert found(json.dumps(body, ensure_ascii=escaped, indent=indent).encode("utf-8", "surrogatepass")) == expected


@given(others)
def test_a_body_without_tools_asks_for_none(body: dict[str, Any]) -> None:
    assert found(body) == []
