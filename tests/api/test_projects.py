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
        "status": "active", "external_key_id": None, "tags": {},
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


def test_project_keeps_its_residency_and_external_key(api: Served) -> None:
    made = api.post(PROJECTS, {"name": "Search", "residency": "AE_STORAGE", "external_key_id": " kms-🔑-مفتاح "})
    assert (made["residency"], made["external_key_id"]) == ("AE_STORAGE", "kms-🔑-مفتاح")
    path = f"{PROJECTS}/{made['id']}"
    assert api.get(path) == made
    assert made in api.get(PROJECTS)["data"]
    moved = api.post(path, {"geography": "eu"})
    assert moved == made | {"residency": "EU_STORAGE_PROCESSING"}
    named = api.post(path, {"name": None, "external_key_id": "kms-2"})
    assert named == moved | {"external_key_id": "kms-2"}
    bare = api.post(path, {"geography": None, "external_key_id": None})
    assert "residency" not in bare
    assert bare["external_key_id"] is None
    assert api.get(path) == bare


@pytest.mark.parametrize(
    ("geography", "residency"),
    [
        ("US", "US_STORAGE_PROCESSING"),
        ("global", "GLOBAL"),
        (" gb ", "GB_STORAGE"),
        ("AE_STORAGE_PROCESSING", "AE_STORAGE_PROCESSING"),
    ],
)
def test_geography_is_the_older_name_of_residency(api: Served, geography: str, residency: str) -> None:
    made = api.post(PROJECTS, {"name": "Search", "geography": geography, "residency": None})
    assert made["residency"] == residency
    assert "geography" not in made


_NO_PLACES: list[object] = ["MARS", "", 5, True, [], {}, "x" * 10_000]
_NO_KEYS: list[object] = ["", "  ", 5, False, ["kms"], {}, "x" * 10_000, "a\nb", "\u0000"]
_BAD = [
    *((field, value) for field in ("residency", "geography") for value in _NO_PLACES),
    ("residency", "EU"),
    ("residency", "eu_storage_processing"),
    ("geography", "AE"),
    ("geography", "E"),
    *(("external_key_id", value) for value in _NO_KEYS),
]


@pytest.mark.parametrize(("field", "value"), _BAD)
def test_what_is_no_residency_and_no_external_key_is_refused(api: Served, field: str, value: object) -> None:
    made = api.post(PROJECTS, {"name": "Search", "residency": "GLOBAL", "external_key_id": "kms-1"})
    before = api.get(PROJECTS), api.house.events()
    for path in (PROJECTS, f"{PROJECTS}/{made['id']}"):
        refused = api.call("POST", path, {"name": "Other", field: value})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, field)
        assert len(refused.text) < 1000
    assert (api.get(PROJECTS), api.house.events()) == before


def test_residency_under_both_names_is_refused(api: Served) -> None:
    refused = api.call("POST", PROJECTS, {"name": "Search", "residency": "GLOBAL", "geography": "GLOBAL"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "geography")


def test_an_archived_project_keeps_what_it_has(api: Served) -> None:
    path = f"{PROJECTS}/{api.post(PROJECTS, {'name': 'Search', 'residency': 'GLOBAL'})['id']}"
    api.post(f"{path}/archive")
    assert api.call("POST", path, {"residency": "IN_STORAGE"}).status_code == 409
    assert api.get(path)["residency"] == "GLOBAL"


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
    made = api.post(f"{api.project}/service_accounts", only)
    assert (made["api_key"], made["role"]) == (None, "none")
    assert api.get(f"{api.project}/service_accounts/{made['id']}")["role"] == "none"
    plain = api.post(f"{api.project}/service_accounts", {"name": "robo", "create_service_account_only": None})
    assert (plain["api_key"] is None, plain["role"]) == (False, "member")
    bad = api.call("POST", f"{api.project}/service_accounts", {**only, "create_service_account_only": 1})
    assert (bad.status_code, bad.json()["error"]["param"]) == (400, "create_service_account_only")


def test_service_account_is_renamed_and_deleted(api: Served) -> None:
    made = api.post(f"{api.project}/service_accounts", {"name": "robo"})
    path = f"{api.project}/service_accounts/{made['id']}"
    assert api.post(path, {"name": "crawler", "role": "member"})["name"] == "crawler"
    gone = api.delete(path)
    assert gone == {"object": "organization.project.service_account.deleted", "id": made["id"], "deleted": True}
    assert not api.house.accepts(made["api_key"]["value"])
    assert api.call("GET", path).status_code == 404


def test_service_account_s_role_is_shown_everywhere(api: Served) -> None:
    made = api.post(f"{api.project}/service_accounts", {"name": "robo"})
    path = f"{api.project}/service_accounts/{made['id']}"
    changed = api.post(path, {"role": "owner"})
    assert (changed["name"], changed["role"]) == ("robo", "owner")
    assert api.get(path) == changed
    assert api.get(f"{api.project}/service_accounts")["data"] == [changed]
    key = api.get(f"{api.project}/api_keys/{made['api_key']['id']}")
    assert key["owner"]["service_account"]["role"] == "owner"
    (event,) = api.get("/organization/audit_logs", **{"event_types[]": "service_account.updated"})["data"]
    assert event["service_account.updated"] == {"id": made["id"], "changes_requested": {"role": "owner"}}
    asked = api.post(f"{api.project}/service_accounts", {"name": "boss", "role": "owner"})
    assert (asked["role"], asked["api_key"] is None) == ("owner", False)


_NO_ROLES: list[object] = ["none", "viewer", "OWNER", "", None, 1, True, [], {}, ["owner"], "x" * 10_000, "\u202eowner"]


@pytest.mark.parametrize("role", _NO_ROLES)
def test_what_is_no_role_of_a_service_account_is_refused(api: Served, role: object) -> None:
    path = f"{api.project}/service_accounts"
    one = f"{path}/{api.post(path, {'name': 'robo'})['id']}"
    before = api.get(path), api.house.events()
    for asked in (path, one):
        refused = api.call("POST", asked, {"name": "other", "role": role})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "role")
        assert len(refused.text) < 1000
    assert (api.get(path), api.house.events()) == before


def test_role_of_a_service_account_that_is_not_there_is_not_changed(api: Served) -> None:
    other = api.post(PROJECTS, {"name": "Search"})["id"]
    robo = api.post(f"{api.project}/service_accounts", {"name": "robo"})["id"]
    before = api.house.events()
    for path in (
        f"{api.project}/service_accounts/svc_acct_none",
        f"{PROJECTS}/{other}/service_accounts/{robo}",
        f"{PROJECTS}/proj_none/service_accounts/{robo}",
    ):
        assert api.call("POST", path, {"role": "owner"}).status_code == 404
    assert api.call("POST", f"{api.project}/service_accounts/{robo}", {"roles": "owner"}).status_code == 400
    assert api.house.events() == before
    api.post(f"{PROJECTS}/{other}/archive")
    refused = api.call("POST", f"{PROJECTS}/{other}/service_accounts", {"name": "robo", "role": "owner"})
    assert refused.status_code == 409


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
