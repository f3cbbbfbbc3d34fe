"""Tags over HTTP: given to projects and keys, and what usage and costs are grouped by."""

from __future__ import annotations

from typing import Any

import pytest

from keyhouse.ledger.rollup import catch_up
from tests.api.served import Served
from tests.ledger.rollup_rows import usage_row

PROJECTS = "/organization/projects"
REPORTS = ("/organization/usage/completions", "/organization/usage/embeddings", "/organization/costs")


def called(api: Served, project_id: str, key_id: str, *, cost: int = 60_000_000) -> None:
    """A chat call and an embedding with this key, an hour ago."""
    ids: dict[str, Any] = {"organization_id": api.house.caller.organization_id, "project_id": project_id}
    at = api.house.clock.now - 3600
    operations = ("chat.completions", "embeddings")
    rows = [usage_row(at=at, key_id=key_id, operation=name, costs=(cost, 0, 0), **ids) for name in operations]
    api.house.store.ledger.append(rows)
    catch_up(api.house.store)


def results(api: Served, path: str, *group_by: str) -> list[dict[str, Any]]:
    start = api.house.clock.now - 86_400
    page = api.get(path, start_time=start, group_by=list(group_by))
    return [result for bucket in page["data"] for result in bucket["results"]]


def test_a_project_s_tags_are_shown_changed_and_cleared(api: Served) -> None:
    made = api.post(PROJECTS, {"name": "Search", "tags": {"team": "red"}})
    path = f"{PROJECTS}/{made['id']}"
    assert made["tags"] == api.get(path)["tags"] == {"team": "red"}
    listed = {item["id"]: item["tags"] for item in api.get(PROJECTS)["data"]}
    assert listed == {api.house.project_id: {}, made["id"]: {"team": "red"}}
    assert api.post(path, {"name": "Find"})["tags"] == {"team": "red"}
    changed = api.post(path, {"tags": {"env": "prod"}})
    assert (changed["name"], changed["tags"]) == ("Find", {"env": "prod"})
    assert api.post(path, {"tags": None})["tags"] == {}


def test_a_key_s_tags_are_shown_changed_and_cleared(api: Served) -> None:
    made = api.post(f"{api.project}/api_keys", {"name": "laptop", "tags": {"team": "red"}})
    path = f"{api.project}/api_keys/{made['id']}"
    assert made["tags"] == api.get(path)["tags"] == {"team": "red"}
    assert api.post(path, {"tags": {"env": "prod"}})["tags"] == {"env": "prod"}
    assert api.post(f"{path}/rotate")["tags"] == {"env": "prod"}
    assert api.post(path, {"tags": {}})["tags"] == {}


def test_a_service_account_s_key_has_tags(api: Served) -> None:
    robo = api.post(f"{api.project}/service_accounts", {"name": "robo", "create_service_account_only": True})
    made = api.post(f"{api.project}/service_accounts/{robo['id']}/api_keys", {"tags": {"team": "bots"}})
    assert api.get(f"{api.project}/api_keys/{made['id']}")["tags"] == {"team": "bots"}


def test_an_admin_key_refuses_tags(api: Served) -> None:
    answer = api.call("POST", "/organization/admin_api_keys", {"name": "ops", "tags": {"team": "red"}})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tags")


@pytest.mark.parametrize(
    "bad", ["red", [], 7, True, {"Team": "red"}, {"team": ""}, {"team": 1}, {f"n{i}": "v" for i in range(17)}]
)
def test_bad_tags_are_400(unchanged: Served, bad: object) -> None:
    for path in (PROJECTS, unchanged.project, f"{unchanged.project}/api_keys"):
        answer = unchanged.call("POST", path, {"name": "x", "tags": bad})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"].startswith("tags")


@pytest.mark.parametrize("path", REPORTS)
def test_reports_are_grouped_by_tag(api: Served, path: str) -> None:
    red = api.post(PROJECTS, {"name": "Search", "tags": {"team": "red"}})["id"]
    blue = api.post(f"{PROJECTS}/{red}/api_keys", {"name": "b", "tags": {"team": "blue"}})["id"]
    called(api, red, "key_untagged")
    called(api, red, blue)
    called(api, api.house.project_id, "key_nobody")
    found = results(api, path, "tag:team")
    assert [result["tags"] for result in found] == [{"team": None}, {"team": "blue"}, {"team": "red"}]
    assert {(result["project_id"], result["api_key_id"]) for result in found} == {(None, None)}
    by_key = {result["api_key_id"]: result["tags"] for result in results(api, path, "api_key_id")}
    assert by_key == {"key_untagged": {"team": "red"}, blue: {"team": "blue"}, "key_nobody": {}}
    assert "tags" not in results(api, path)[0]
    assert "tags" not in results(api, path, "user_id")[0]


@pytest.mark.parametrize("path", REPORTS)
@pytest.mark.parametrize("group", ["tag:", "tag:Team", "tag:%00", "tag:équipe", "tag: team", "team"])
def test_a_bad_tag_in_group_by_is_400(unchanged: Served, path: str, group: str) -> None:
    answer = unchanged.call("GET", path, params={"start_time": 1, "group_by": group})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "group_by")


@pytest.mark.parametrize("path", REPORTS)
def test_a_tag_that_nothing_has_is_answered_with_null(api: Served, path: str) -> None:
    called(api, api.house.project_id, "key_a")
    assert [result["tags"] for result in results(api, path, "tag:nobody")] == [{"nobody": None}]
