"""Hosted-tool permissions of projects over HTTP: set, shown, audited, and what is none of them."""

from __future__ import annotations

from typing import Any

import pytest

from keyhouse.domain.audit import EventType
from keyhouse.domain.hosted_tools import HostedTool
from tests.api.served import Served
from tests.api.test_budgets import refused

NO: dict[str, Any] = {"enabled": False}
YES: dict[str, Any] = {"enabled": True}
ALL = {tool.value: YES for tool in HostedTool}


def test_hosted_tool_permissions_live_and_are_audited(api: Served) -> None:
    path = f"{api.project}/hosted_tool_permissions"
    assert api.get(path) == ALL
    assert api.post(path, {"mcp": NO, "web_search": NO}) == {**ALL, "mcp": NO, "web_search": NO} == api.get(path)
    assert api.post(path, {"mcp": YES, "file_search": None}) == {**ALL, "web_search": NO}
    api.post(api.project, {"name": "Renamed"})
    assert api.post(path, {}) == {**ALL, "web_search": NO} == api.get(path)
    told = [event.details for event in api.house.events() if event.type is EventType.PROJECT_UPDATED]
    asked: list[Any] = [details["changes_requested"] for details in told]
    key = "hosted_tool_permissions"
    assert [one[key] for one in asked if key in one] == [{"mcp": NO, "web_search": NO}, {"mcp": YES}, {}]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"mcp": False}, "mcp"),
        ({"mcp": [NO]}, "mcp"),
        ({"mcp": "enabled"}, "mcp"),
        ({"mcp": {}}, "mcp.enabled"),
        ({"mcp": {"enabled": None}}, "mcp.enabled"),
        ({"mcp": {"enabled": "false"}}, "mcp.enabled"),
        ({"mcp": {"enabled": 0}}, "mcp.enabled"),
        ({"mcp": {**NO, "servers": []}}, "mcp.enabled"),
        ({"mcp": NO, "web_search": {}}, "web_search.enabled"),
        ({"mcp": NO, "shell": NO}, "shell"),
    ],
)
def test_what_is_no_hosted_tool_permission_changes_nothing(api: Served, body: object, param: str) -> None:
    path = f"{api.project}/hosted_tool_permissions"
    assert refused(api, "POST", path, body)[:2] == (400, param)
    assert api.get(path) == ALL


def test_an_array_an_unknown_project_and_an_archived_one_are_refused(api: Served) -> None:
    assert refused(api, "POST", f"{api.project}/hosted_tool_permissions", [{"mcp": NO}])[0] == 400
    unknown = "/organization/projects/proj_none/hosted_tool_permissions"
    assert refused(api, "GET", unknown)[0] == refused(api, "POST", unknown, {"mcp": NO})[0] == 404
    old = api.post("/organization/projects", {"name": "Old"})["id"]
    path = f"/organization/projects/{old}/hosted_tool_permissions"
    api.post(f"/organization/projects/{old}/archive")
    assert refused(api, "POST", path, {"mcp": NO})[0] == 409
    assert api.get(path) == ALL
