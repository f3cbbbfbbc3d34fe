"""Keys over HTTP: OpenAI's shapes, our verbs, and a secret that is in one answer alone."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.api.served import Served
from tests.control.houses import NOW

KEY_FIELDS = {
    "object", "id", "name", "redacted_value", "created_at", "last_used_at", "owner_project_access", "owner",
    "expires_at", "ip_allowlist", "models", "permissions", "rate_limits", "spend_limit", "tags", "status",
}  # fmt: skip
ADMIN = "/organization/admin_api_keys"


def test_created_key_is_openais_object_with_ours_beside_it(api: Served) -> None:
    api.house.clock.now += 1
    body = {"name": "laptop", "permissions": {"chat": "write"}, "models": ["gpt-*"], "expires_in_seconds": 60}
    made = api.post(f"{api.project}/api_keys", body)
    assert set(made) == KEY_FIELDS | {"value"}
    assert made["value"].startswith("sk-kh_")
    assert made["redacted_value"] == f"sk-kh_…{made['value'][-4:]}"
    assert made["owner"]["type"] == "user"
    assert set(made["owner"]["user"]) == {"id", "email", "name", "created_at", "role"}
    assert made["owner"]["user"]["role"] == "owner"
    assert (made["object"], made["created_at"], made["expires_at"]) == (
        "organization.project.api_key",
        NOW + 1,
        NOW + 61,
    )
    assert (made["permissions"], made["models"], made["status"]) == ({"chat": "write"}, ["gpt-*"], "active")
    assert (made["last_used_at"], made["owner_project_access"]) == (None, "active")
    del made["value"]
    assert api.get(f"{api.project}/api_keys/{made['id']}") == made
    assert api.get(f"{api.project}/api_keys")["data"][-1] == made


def test_key_is_changed_disabled_enabled_rotated_and_revoked(api: Served) -> None:
    made = api.post(f"{api.project}/api_keys", {"name": "laptop"})
    path = f"{api.project}/api_keys/{made['id']}"
    assert api.post(path, {"name": "desk", "models": []})["models"] == []
    assert api.post(path, {"models": None})["models"] is None
    assert api.post(f"{path}/disable")["status"] == "disabled"
    assert not api.house.accepts(made["value"])
    assert api.post(f"{path}/enable")["status"] == "active"
    rotated = api.post(f"{path}/rotate", {"grace_seconds": 5})
    assert set(rotated) == KEY_FIELDS | {"value", "previous_valid_until"}
    assert rotated["previous_valid_until"] == NOW + 5
    assert [api.house.accepts(value) for value in (made["value"], rotated["value"])] == [True, True]
    again = api.post(f"{path}/rotate")
    assert again["previous_valid_until"] == NOW
    assert [api.house.accepts(value) for value in (rotated["value"], again["value"])] == [False, True]
    assert api.post(f"{path}/revoke")["status"] == "revoked"
    assert not api.house.accepts(again["value"])
    refused = api.call("POST", f"{path}/enable")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    assert "is revoked and can no longer be enabled" in refused.json()["error"]["message"]


@pytest.mark.parametrize("grace", [-1, 2_592_001, "5", 1.5, None, True])
def test_bad_grace_is_400(api: Served, grace: object) -> None:
    made = api.post(f"{api.project}/api_keys", {"name": "laptop"})
    answer = api.call("POST", f"{api.project}/api_keys/{made['id']}/rotate", {"grace_seconds": grace})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "grace_seconds")


def test_change_of_nothing_is_400(api: Served) -> None:
    made = api.post(f"{api.project}/api_keys", {"name": "laptop"})
    answer = api.call("POST", f"{api.project}/api_keys/{made['id']}", {})
    assert (answer.status_code, answer.json()["error"]["message"][:23]) == (400, "Give something to chang")


@pytest.mark.parametrize("revoked_before", [False, True])
def test_a_deleted_key_is_refused_and_gone_for_good(api: Served, revoked_before: bool) -> None:
    made = api.post(f"{api.project}/api_keys", {"name": "laptop"})
    path = f"{api.project}/api_keys/{made['id']}"
    if revoked_before:
        api.post(f"{path}/revoke")
        assert made["id"] in [key["id"] for key in api.get(f"{api.project}/api_keys")["data"]]
    gone = {"id": made["id"], "object": "organization.project.api_key.deleted", "deleted": True}
    assert api.delete(path) == gone == api.delete(path)
    assert not api.house.accepts(made["value"])
    assert made["id"] not in [key["id"] for key in api.get(f"{api.project}/api_keys")["data"]]
    for method, verb in (
        ("GET", ""),
        ("POST", "/disable"),
        ("POST", "/enable"),
        ("POST", "/rotate"),
        ("POST", "/revoke"),
    ):
        assert api.call(method, path + verb).status_code == 404
    assert api.call("POST", path, {"name": "back"}).status_code == 404


def test_key_of_a_service_account_is_revoked_and_not_deleted(api: Served) -> None:
    made = api.post(f"{api.project}/service_accounts", {"name": "robo"})["api_key"]
    path = f"{api.project}/api_keys/{made['id']}"
    refused = api.call("DELETE", path)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "key_id")
    assert "revoke it, or delete the service account" in refused.json()["error"]["message"]
    assert api.house.accepts(made["value"])
    for verb, status in (("disable", "disabled"), ("enable", "active"), ("rotate", "active"), ("revoke", "revoked")):
        shown = api.post(f"{path}/{verb}")
        assert shown["status"] == status
        assert shown["owner"]["type"] == "service_account"
        assert set(shown["owner"]["service_account"]) == {"id", "name", "created_at", "role"}


def test_lists_are_paged_as_openais(api: Served) -> None:
    ids = [api.get(f"{api.project}/api_keys")["data"][0]["id"]]
    for number in range(4):
        api.house.clock.now += 1
        ids.append(api.post(f"{api.project}/api_keys", {"name": f"k{number}"})["id"])
    first = api.get(f"{api.project}/api_keys", limit=3)
    assert (first["object"], first["first_id"], first["last_id"], first["has_more"]) == ("list", ids[0], ids[2], True)
    rest = api.get(f"{api.project}/api_keys", limit=3, after=first["last_id"])
    assert [item["id"] for item in rest["data"]] == ids[3:]
    assert rest["has_more"] is False
    empty = api.get(f"{api.project}/api_keys", after=ids[-1])
    assert empty == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_keys_are_listed_by_the_access_of_their_owner(api: Served) -> None:
    robo = api.post(f"{api.project}/service_accounts", {"name": "robo"})
    api.delete(f"{api.project}/service_accounts/{robo['id']}")
    counts = {
        access: len(api.get(f"{api.project}/api_keys", owner_project_access=access)["data"])
        for access in ("active", "inactive", "any")
    }
    assert counts == {"active": 1, "inactive": 1, "any": 2}


def test_admin_keys_have_all_verbs(api: Served) -> None:
    api.house.clock.now += 1
    made = api.post(ADMIN, {"name": "ops", "expires_in_seconds": 100})
    assert set(made) == {
        "object", "id", "name", "redacted_value", "created_at", "expires_at", "last_used_at", "owner", "ip_allowlist", "role_id",
        "scopes", "status", "value",
    }  # fmt: skip
    assert (made["role_id"], made["scopes"]) == (None, None)
    assert made["object"] == "organization.admin_api_key"
    assert made["owner"]["object"] == "organization.user"
    assert made["owner"]["role"] == "owner"
    assert api.call("GET", ADMIN, key=made["value"]).status_code == 200
    path = f"{ADMIN}/{made['id']}"
    assert api.post(path, {"name": "operations"})["name"] == "operations"
    assert api.post(f"{path}/disable")["status"] == "disabled"
    assert api.call("GET", ADMIN, key=made["value"]).status_code == 401
    api.post(f"{path}/enable")
    rotated = api.post(f"{path}/rotate", {"grace_seconds": 0})
    assert api.call("GET", ADMIN, key=made["value"]).status_code == 401
    assert api.call("GET", ADMIN, key=rotated["value"]).status_code == 200
    assert api.post(f"{path}/revoke")["status"] == "revoked"
    assert api.delete(path) == {"id": made["id"], "object": "organization.admin_api_key.deleted", "deleted": True}
    assert [item["name"] for item in api.get(ADMIN, order="asc")["data"]] == ["First admin key"]
    assert api.call("GET", path).status_code == 404


def test_an_admin_key_does_what_its_role_and_scopes_leave(api: Served) -> None:
    reader = api.post(ADMIN, {"name": "dashboard", "role_id": "role-organization-reader"})
    assert reader["role_id"] == "role-organization-reader"
    assert api.call("GET", ADMIN, key=reader["value"]).status_code == 200
    assert api.call("POST", ADMIN, {"name": "x"}, key=reader["value"]).status_code == 403
    made = api.post(ADMIN, {"name": "provisioning", "scopes": ["api.organization.admin_api_keys.write"]})
    assert made["scopes"] == ["api.organization.admin_api_keys.write"]
    assert api.call("GET", ADMIN, key=made["value"]).status_code == 403
    error = api.call("POST", ADMIN, {"name": "more"}, key=made["value"]).json()["error"]
    assert error["code"] == "insufficient_permissions"
    changed = api.post(f"{ADMIN}/{made['id']}", {"scopes": None, "role_id": "role-organization-reader"})
    assert (changed["role_id"], changed["scopes"]) == ("role-organization-reader", None)
    assert api.call("GET", ADMIN, key=made["value"]).status_code == 200
    assert api.call("GET", ADMIN, key=made["value"]).json()["data"][0]["scopes"] is None


def test_admin_keys_are_listed_newest_first_on_request(api: Served) -> None:
    api.house.clock.now += 1
    api.post(ADMIN, {"name": "ops"})
    assert [item["name"] for item in api.get(ADMIN, order="desc")["data"]] == ["ops", "First admin key"]


@pytest.mark.parametrize("field", ["permissions", "models"])
def test_admin_key_takes_no_restriction(api: Served, field: str) -> None:
    answer = api.call("POST", ADMIN, {"name": "ops", field: []})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_supported")


def secrets_in(value: Any) -> list[str]:
    """Every full secret in an answer."""
    if isinstance(value, dict):
        own = [value["value"]] if "value" in value else []
        return own + [found for inner in value.values() for found in secrets_in(inner)]
    return [found for inner in value for found in secrets_in(inner)] if isinstance(value, list) else []


def test_each_secret_is_in_one_answer_and_nowhere_else(api: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets: list[str] = []
    for path, create in ((f"{api.project}/api_keys", {"name": "a"}), (ADMIN, {"name": "b"})):
        made = api.post(path, create)
        one = f"{path}/{made['id']}"
        secrets += secrets_in(made) + secrets_in(api.post(f"{one}/rotate", {"grace_seconds": 9}))
        api.post(one, {"name": "c"})
        api.get(path)
        for verb in ("disable", "enable", "revoke"):
            api.post(f"{one}/{verb}")
        api.get(one)
        api.call("POST", f"{one}/rotate")
        api.delete(one)
    robo = api.post(f"{api.project}/service_accounts", {"name": "robo"})
    secrets += secrets_in(robo)
    secrets += secrets_in(api.post(f"{api.project}/service_accounts/{robo['id']}/api_keys"))
    api.get(f"{api.project}/api_keys")
    assert len(set(secrets)) == 6
    for secret in secrets:
        assert sum(secret in answer for answer in api.seen) == 1
        assert not api.house.files_contain(secret)
        assert not api.house.files_contain(secret.partition("_")[2][12:44])
        assert secret not in caplog.text
