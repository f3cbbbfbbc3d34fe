"""Model permissions of projects over HTTP: set, shown, removed, audited, and what is none of them."""

from __future__ import annotations

from typing import Any

import pytest

from keyhouse.domain.audit import EventType
from tests.api.served import Served
from tests.api.test_budgets import refused

GOOD: dict[str, Any] = {"mode": "allow_list", "model_ids": ["gpt-4o", "o3"]}


def test_model_permissions_live_and_are_audited(api: Served) -> None:
    path = f"{api.project}/model_permissions"
    assert refused(api, "GET", path)[0] == refused(api, "DELETE", path)[0] == 404
    assert api.post(path, GOOD) == {"object": "project.model_permissions", **GOOD} == api.get(path)
    denied = api.post(path, {"mode": "deny_list", "model_ids": [" o3 ", "o3", "模型-🙂"]})
    assert denied == {"object": "project.model_permissions", "mode": "deny_list", "model_ids": ["o3", "模型-🙂"]}
    api.post(api.project, {"name": "Renamed"})
    assert api.get(path) == denied
    assert api.delete(path) == {"object": "project.model_permissions.deleted", "deleted": True}
    assert refused(api, "GET", path)[0] == 404
    told = [event.details for event in api.house.events() if event.type is EventType.PROJECT_UPDATED]
    asked: list[Any] = [details["changes_requested"] for details in told]
    assert [one["model_permissions"] for one in asked if "model_permissions" in one] == [
        GOOD,
        {"mode": "deny_list", "model_ids": ["o3", "模型-🙂"]},
        None,
    ]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model_ids": []}, "mode"),
        ({**GOOD, "mode": "allow"}, "mode"),
        ({**GOOD, "mode": None}, "mode"),
        ({**GOOD, "mode": ["allow_list"]}, "mode"),
        ({"mode": "deny_list"}, "model_ids"),
        ({**GOOD, "model_ids": None}, "model_ids"),
        ({**GOOD, "model_ids": "gpt-4o"}, "model_ids"),
        ({**GOOD, "model_ids": {"a": 1}}, "model_ids"),
        ({**GOOD, "model_ids": ["m"] * 1001}, "model_ids"),
        ({**GOOD, "model_ids": ["gpt-4o", 5]}, "model_ids[1]"),
        ({**GOOD, "model_ids": [""]}, "model_ids[0]"),
        ({**GOOD, "model_ids": ["x" * 10_000]}, "model_ids[0]"),
        ({**GOOD, "model_ids": ["a\x00b"]}, "model_ids[0]"),
        ({**GOOD, "model_ids": ["gpt-*"]}, "model_ids[0]"),
        ({**GOOD, "models": []}, "models"),
    ],
)
def test_what_is_no_model_permissions_changes_nothing(api: Served, body: object, param: str) -> None:
    path = f"{api.project}/model_permissions"
    assert refused(api, "POST", path, body)[:2] == (400, param)
    assert refused(api, "GET", path)[0] == 404


def test_an_array_an_unknown_project_and_an_archived_one_are_refused(api: Served) -> None:
    assert refused(api, "POST", f"{api.project}/model_permissions", [GOOD])[0] == 400
    unknown = "/organization/projects/proj_none/model_permissions"
    assert [refused(api, method, unknown)[0] for method in ("GET", "DELETE")] == [404, 404]
    assert refused(api, "POST", unknown, GOOD)[0] == 404
    old = api.post("/organization/projects", {"name": "Old"})["id"]
    path = f"/organization/projects/{old}/model_permissions"
    api.post(path, GOOD)
    api.post(f"/organization/projects/{old}/archive")
    assert refused(api, "POST", path, GOOD)[0] == refused(api, "DELETE", path)[0] == 409
    assert api.get(path)["mode"] == "allow_list"
