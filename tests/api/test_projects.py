"""Projects and service accounts over HTTP, in OpenAI's shapes."""

from __future__ import annotations

import pytest

from tests.api.served import Served
from tests.control.houses import NOW

PROJECTS = "/organization/projects"


def test_project_is_created_renamed_and_archived(api: Served) -> None:
    made = api.post(PROJECTS, {"name": "Search"})
    assert made == {
        "id": made["id"], "object": "organization.project", "name": "Search", "created_at": NOW, "archived_at": None,
        "status": "active", "tags": {},
    }  # fmt: skip
    path = f"{PROJECTS}/{made['id']}"
    assert api.post(path, {"name": "Find"})["name"] == "Find"
    key = api.post(f"{path}/api_keys", {"name": "a"})
    archived = api.post(f"{path}/archive")
    assert (archived["status"], archived["archived_at"]) == ("archived", NOW)
    assert not api.house.accepts(key["value"])
    assert api.get(path) == archived
    assert made["id"] not in [item["id"] for item in api.get(PROJECTS)["data"]]
    assert made["id"] in [item["id"] for item in api.get(PROJECTS, include_archived="true")["data"]]
    refused = api.call("POST", f"{path}/api_keys", {"name": "b"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize("field", ["external_key_id", "residency", "geography"])
def test_field_that_has_no_effect_is_refused(api: Served, field: str) -> None:
    answer = api.call("POST", PROJECTS, {"name": "Search", field: "US_STORAGE"})
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("not_supported", field)
    assert api.post(PROJECTS, {"name": "Search", field: None})["name"] == "Search"


def test_include_archived_is_true_or_false(api: Served) -> None:
    assert api.get(PROJECTS, include_archived="false")["has_more"] is False
    answer = api.call("GET", PROJECTS, params={"include_archived": "1"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "include_archived")


def test_service_account_comes_with_its_key(api: Served) -> None:
    made = api.post(f"{api.project}/service_accounts", {"name": "robo"})
    assert made["api_key"]["value"].startswith("sk-khsvc_")
    assert made["api_key"] == {
        "object": "organization.project.service_account.api_key", "value": made["api_key"]["value"],
        "name": "Secret Key", "created_at": NOW, "id": made["api_key"]["id"],
    }  # fmt: skip
    del made["api_key"]
    assert made == {
        "object": "organization.project.service_account", "id": made["id"], "name": "robo", "role": "member",
        "created_at": NOW,
    }  # fmt: skip
    assert api.get(f"{api.project}/service_accounts/{made['id']}") == made
    assert api.get(f"{api.project}/service_accounts")["data"] == [made]


def test_service_account_without_a_key(api: Served) -> None:
    only = {"name": "robo", "create_service_account_only": True}
    assert api.post(f"{api.project}/service_accounts", only)["api_key"] is None
    bad = api.call("POST", f"{api.project}/service_accounts", {**only, "create_service_account_only": 1})
    assert (bad.status_code, bad.json()["error"]["param"]) == (400, "create_service_account_only")


def test_service_account_is_renamed_and_deleted(api: Served) -> None:
    made = api.post(f"{api.project}/service_accounts", {"name": "robo"})
    path = f"{api.project}/service_accounts/{made['id']}"
    assert api.post(path, {"name": "crawler", "role": "member"})["name"] == "crawler"
    refused = api.call("POST", path, {"role": "owner"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "role")
    gone = api.delete(path)
    assert gone == {"object": "organization.project.service_account.deleted", "id": made["id"], "deleted": True}
    assert not api.house.accepts(made["api_key"]["value"])
    assert api.call("GET", path).status_code == 404


def test_more_keys_of_a_service_account(api: Served) -> None:
    robo = api.post(f"{api.project}/service_accounts", {"name": "robo"})["id"]
    path = f"{api.project}/service_accounts/{robo}/api_keys"
    plain = api.post(path)
    assert set(plain) == {"object", "value", "name", "created_at", "id"}
    assert plain["name"] == "Secret Key"
    scoped = api.post(path, {"name": "reader", "scopes": ["api.models.read"], "models": ["gpt-*"]})
    shown = api.get(f"{api.project}/api_keys/{scoped['id']}")
    assert (shown["permissions"], shown["models"]) == ({"models": "read"}, ["gpt-*"])
    refused = api.call("POST", path, {"scopes": ["api.model.request"]})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "scopes[0]")
    nowhere = api.call("POST", f"{api.project}/service_accounts/svc_acct_none/api_keys")
    assert nowhere.status_code == 404
