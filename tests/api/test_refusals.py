"""What is refused before a use case runs: status, code, param, sentence, and the order of them."""

from __future__ import annotations

import json
import re
import socket
import time

import httpx
import pytest

from tests.api.served import Served

PROJECTS = "/organization/projects"


def error(answer: httpx.Response, status: int) -> dict[str, str]:
    """The error of an envelope that is exactly OpenAI's."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    found: dict[str, str] = answer.json()["error"]
    assert set(found) == {"message", "type", "param", "code"}
    assert found["message"].endswith(".")
    return found


def test_every_answer_carries_the_same_head(unchanged: Served) -> None:
    answers = [
        unchanged.call("GET", PROJECTS),
        unchanged.call("GET", PROJECTS, key="sk-wrong"),
        unchanged.call("GET", "/nothing"),
        unchanged.call("PUT", PROJECTS),
        unchanged.call("POST", PROJECTS, b"["),
        unchanged.call("GET", "/organization/usage/completions?start_time=1"),
    ]
    assert [a.status_code for a in answers] == [200, 401, 404, 405, 400, 200]
    for answer in answers:
        assert re.fullmatch(r"req_[0-9A-Za-z]{19}", answer.headers["x-request-id"])
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["openai-processing-ms"].isdigit()
    assert answers[0].headers["openai-organization"] == unchanged.house.facts.organization_id
    assert "openai-organization" not in answers[1].headers
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("key", ["", "sk-wrong", "sk-khadm_" + "0" * 50])
def test_401_comes_before_everything_else(unchanged: Served, key: str) -> None:
    for method, path, body in (
        ("GET", PROJECTS, None),
        ("GET", "/nothing", None),
        ("PATCH", PROJECTS, None),
        ("POST", PROJECTS, b"not json"),
        ("GET", PROJECTS + "?limit=0", None),
    ):
        answer = unchanged.call(method, path, body, key=key)
        assert error(answer, 401)["code"] == "invalid_api_key"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_project_key_is_refused_on_the_administration_api(unchanged: Served) -> None:
    key = unchanged.house.facts.api_key
    found = error(unchanged.call("GET", PROJECTS, key=key), 403)
    assert found["code"] == "insufficient_permissions"
    assert error(unchanged.call("POST", PROJECTS, b"not json", key=key), 403)["code"] == "insufficient_permissions"


def test_404_and_405_come_before_403(unchanged: Served) -> None:
    key = unchanged.house.facts.api_key
    assert error(unchanged.call("GET", "/organization/nothing", key=key), 404)["code"] == "unknown_route"
    assert error(unchanged.call("PUT", PROJECTS, key=key), 405)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/organization",
        "/organization/projects/",
        "/organization/project",
        "/organization/projects/a/b",
        "/projects/x/y",
    ],
)
def test_unknown_route_is_404(unchanged: Served, path: str) -> None:
    found = error(unchanged.call("GET", path), 404)
    assert found["code"] == "unknown_route"
    assert f"GET /v1{path}" in found["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", PROJECTS, "GET, HEAD, POST"),
        ("OPTIONS", PROJECTS, "GET, HEAD, POST"),
        ("GET", PROJECTS + "/p/archive", "POST"),
        ("PUT", PROJECTS + "/p/api_keys/k", "DELETE, GET, HEAD, POST"),
        ("POST", "/organization/costs", "GET, HEAD"),
    ],
)
def test_wrong_method_is_405_and_names_the_right_ones(unchanged: Served, method: str, path: str, allowed: str) -> None:
    answer = unchanged.call(method, path)
    found = error(answer, 405)
    assert found["code"] == "method_not_allowed"
    assert answer.headers["allow"] == allowed
    assert f"it takes {allowed}." in found["message"]


def test_head_answers_as_get_without_a_body(unchanged: Served) -> None:
    answer = unchanged.call("HEAD", PROJECTS)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_no_refusal_is_worth_a_retry(unchanged: Served) -> None:
    default = unchanged.house.project_id
    answer = unchanged.call("POST", f"{PROJECTS}/{default}/archive")
    assert error(answer, 409)["code"] == "conflict"
    assert answer.headers["x-should-retry"] == "false"


BODIES = [
    (b"", "body_required", "body", "needs a JSON object"),
    (b"  \n", "body_required", "body", "needs a JSON object"),
    (b"{", "invalid_json", "body", "not valid JSON"),
    (b'{"name": "a"} x', "invalid_json", "body", "not valid JSON"),
    (b'{"name": "\xff"}', "invalid_json", "body", "not valid JSON"),
    (b'{"name": "\\ud800"}', "invalid_json", "body", "not valid JSON"),
    (b"[" * 500_000, "invalid_value", "body", "not an array"),
    (b'{"name":' * 100_000, "invalid_json", "body", "not valid JSON"),
    (b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "invalid_value", "x", "not a field"),
    (b"[]", "invalid_value", "body", "must be a JSON object, not an array"),
    (b"null", "invalid_value", "body", "must be a JSON object, not null"),
    (b"7", "invalid_value", "body", "must be a JSON object, not a number"),
    (b'"name"', "invalid_value", "body", "must be a JSON object, not a string"),
    (b'{"name": "a", "nmae": "b"}', "invalid_value", "nmae", "'nmae' is not a field of this operation"),
    (b"{}", "invalid_value", "name", "'name' is required"),
    (b'{"name": 7}', "invalid_value", "name", "must be a string"),
    (b'{"name": "a", "expires_in_seconds": "60"}', "invalid_value", "expires_in_seconds", "whole number"),
    (b'{"name": "a", "expires_in_seconds": 1.5}', "invalid_value", "expires_in_seconds", "whole number"),
    (b'{"name": "a", "expires_in_seconds": 1e400}', "invalid_value", "expires_in_seconds", "out of range"),
    (b'{"name": "a", "expires_in_seconds": ' + b"9" * 5000 + b"}", "invalid_value", "expires_in_seconds", "range"),
    (b'{"name": "a", "models": "m"}', "invalid_value", "models", "must be null or a list"),
    (b'{"name": "a", "permissions": "some"}', "invalid_value", "permissions", "must be"),
    (b'{"name": "a", "permissions": {"chat": "own"}}', "invalid_value", "permissions.chat", '"none", "read"'),
    (b'{"name": "a", "ip_allowlist": "10.0.0.0/8"}', "invalid_value", "ip_allowlist", "must be null or a list"),
    (b'{"name": "a", "ip_allowlist": ["10.0.0.5/8"]}', "invalid_value", "ip_allowlist[0]", "did you mean 10.0.0.0/8?"),
    (b'{"name": "a", "rate_limits": {}}', "invalid_value", "rate_limits", "at least one of"),
    (b'{"name": "a", "spend_limit": {"threshold_amount": 1}}', "invalid_value", "spend_limit.currency", "is required"),
]


@pytest.mark.parametrize(("body", "code", "param", "sentence"), BODIES, ids=[str(b[0][:40]) for b in BODIES])
def test_bad_body_is_400_and_names_what_is_wrong(
    unchanged: Served, body: bytes, code: str, param: str, sentence: str
) -> None:
    began = time.monotonic()
    found = error(unchanged.call("POST", f"{unchanged.project}/api_keys", body), 400)
    assert time.monotonic() - began < 1
    assert (found["code"], found["param"]) == (code, param)
    assert sentence in found["message"]
    assert len(unchanged.get(f"{unchanged.project}/api_keys")["data"]) == 1


def test_operation_without_a_body_takes_none_or_an_empty_object(api: Served) -> None:
    key_id = api.get(f"{api.project}/api_keys")["data"][0]["id"]
    for body in (b"", b"{}", b" "):
        assert api.call("POST", f"{api.project}/api_keys/{key_id}/disable", body).status_code == 200
    found = error(api.call("POST", f"{api.project}/api_keys/{key_id}/disable", {"reason": "x"}), 400)
    assert found["param"] == "reason"


def test_body_over_one_mebibyte_is_413(api: Served) -> None:
    fits = json.dumps({"name": "a", "models": []}).encode().ljust(1 << 20)
    assert api.call("POST", f"{api.project}/api_keys", fits).status_code == 200
    assert error(api.call("POST", f"{api.project}/api_keys", fits + b" "), 413)["code"] == "body_too_large"
    chunked = iter([b" " * 65536] * 17)
    answer = api.client.post(
        f"{api.project}/api_keys", content=chunked, headers={"authorization": f"Bearer {api.house.facts.admin_key}"}
    )
    assert error(answer, 413)["code"] == "body_too_large"


def test_body_that_claims_a_gigabyte_is_refused_before_it_is_sent(unchanged: Served) -> None:
    head = (
        f"POST /v1{unchanged.project}/api_keys HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n"
        f"Authorization: Bearer {unchanged.house.facts.admin_key}\r\n\r\n"
    )
    with socket.create_connection(
        (unchanged.client.base_url.host, unchanged.client.base_url.port or 0), timeout=5
    ) as raw:
        raw.sendall(head.encode())
        assert raw.recv(65536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=101", "limit"), ("limit=-1", "limit"), ("limit=ten", "limit"), ("limit=1.0", "limit"),
        ("limit=1&limit=2", "limit"), ("limit[]=1&limit=2", "limit"), ("limit=%EF%BC%91", "limit"),
        ("limit=" + "9" * 5000, "limit"), ("after=key_none", "after"), ("owner_project_access=maybe", "owner_project_access"),
        ("order=up", "order"), ("before=key_none", "before"), ("after=%00", "after"),
        ("limt=5", "limt"), ("%FF=1", "query"), ("after=%FF", "query"),
    ],
)  # fmt: skip
def test_bad_query_is_400_and_names_the_parameter(unchanged: Served, query: str, param: str) -> None:
    found = error(unchanged.call("GET", f"{unchanged.project}/api_keys?{query}"), 400)
    assert (found["code"], found["param"]) == ("invalid_value", param)


def test_parameter_may_be_written_as_an_array(unchanged: Served) -> None:
    assert len(unchanged.get(f"{PROJECTS}?limit[]=1")["data"]) == 1
    assert unchanged.get(f"{PROJECTS}?limit=")["has_more"] is False


def test_headers_of_another_organization_or_project_are_refused(unchanged: Served) -> None:
    mine = {"openai-organization": unchanged.house.facts.organization_id, "openai-project": unchanged.house.project_id}
    assert unchanged.call("GET", PROJECTS, headers=mine).status_code == 200
    found = error(unchanged.call("GET", PROJECTS, headers={"openai-organization": "org-charlie"}), 401)
    assert (found["code"], "'org-charlie'" in found["message"]) == ("mismatched_organization", True)
    found = error(unchanged.call("GET", "/nothing", headers={"openai-project": "proj_charlie"}), 401)
    assert (found["code"], "'proj_charlie'" in found["message"]) == ("mismatched_project", True)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        (PROJECTS + "/proj_none", "project"),
        (PROJECTS + "/proj_none/api_keys", "project"),
        (PROJECTS + "/proj_none/service_accounts", "project"),
        (PROJECTS + "/{mine}/api_keys/key_none", "key"),
        (PROJECTS + "/{mine}/service_accounts/svc_acct_none", "service account"),
        ("/organization/admin_api_keys/key_none", "admin key"),
    ],
)
def test_absent_object_is_404(unchanged: Served, path: str, what: str) -> None:
    found = error(unchanged.call("GET", path.replace("{mine}", unchanged.house.project_id)), 404)
    assert found["code"] == "not_found"
    assert found["message"].startswith(f"No {what} with id '")


def test_identifier_of_a_caller_is_made_fit_for_a_sentence(unchanged: Served) -> None:
    found = error(unchanged.call("GET", PROJECTS + "/%1b[31m" + "x" * 300), 404)
    assert "\\u001b" in found["message"]
    assert len(found["message"]) < 200
