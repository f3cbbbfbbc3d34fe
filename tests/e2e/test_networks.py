"""Keys that may be used from some addresses only, against the real server: at once, and behind the proxies that are trusted."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from tests.e2e import wire
from tests.e2e.conftest import NewHouse
from tests.e2e.house import House, until
from tests.e2e.upstream import FakeUpstream, answers, completion, delta, streams_on

PROMISED = 1.0
HERE, ELSEWHERE = "127.0.0.1", "203.0.113.0/24"


def _asked(house: House, key: str, path: str = "/models", forwarded: str | None = None) -> tuple[int, str | None]:
    headers = {"Authorization": f"Bearer {key}"} | ({} if forwarded is None else {"X-Forwarded-For": forwarded})
    answer = httpx.get(f"{house.url}/v1{path}", headers=headers, trust_env=False, verify=False)
    error = answer.json().get("error") if answer.status_code != 200 else None
    return answer.status_code, None if error is None else error["code"]


OUTSIDE = (401, "ip_not_authorized")
INSIDE = (200, None)


def test_an_allowlist_holds_within_a_second_and_ends_running_calls_from_elsewhere(
    house: House, upstream: FakeUpstream
) -> None:
    key = house.new_key("narrowed", ip_allowlist=[HERE, ELSEWHERE])
    path = f"/projects/{house.facts['project_id']}/api_keys/{key['id']}"
    model = upstream.model(streams_on([delta("Once ")]))
    assert _asked(house, key["value"]) == INSIDE
    with wire.opened(house, wire.chat(model, stream=True), key=key["value"]) as response:
        first = response.read1()
        house.admin("POST", path, ip_allowlist=[HERE, "10.0.0.0/8"])
        assert _asked(house, key["value"]) == INSIDE
        more = response.read1()
        house.admin("POST", path, ip_allowlist=[ELSEWHERE])
        returned = time.monotonic()
        rest, ended = wire.read_to_end(response)
        refused = _asked(house, key["value"])
    assert refused == OUTSIDE
    assert ended - returned < PROMISED
    assert "may no longer be used from this address," in wire.error_of_stream(first + more + rest)["message"]
    assert house.rows_of_model(model, 10)[0].outcome == "revoked"
    house.admin("POST", path, ip_allowlist=None)
    assert _asked(house, key["value"]) == INSIDE


def test_the_terminal_narrows_a_running_house_and_rotation_keeps_the_list(house: House) -> None:
    made = house.do_json("keys", "create", "narrow", "--allow-ip", "203.0.113.7", "--allow-ip", "10.0.0.0/8,::1")
    assert made["ip_allowlist"] == ["203.0.113.7", "10.0.0.0/8", "::1"]
    assert _asked(house, made["value"]) == OUTSIDE
    rotated = house.do_json("keys", "rotate", made["id"])
    assert rotated["ip_allowlist"] == made["ip_allowlist"]
    assert _asked(house, rotated["value"]) == OUTSIDE
    house.do("keys", "update", made["id"], "--allow-ip", "127.0.0.0/8")
    assert _asked(house, rotated["value"]) == INSIDE
    house.do("keys", "update", made["id"], "--allow-ip", "")
    assert _asked(house, rotated["value"]) == OUTSIDE
    house.do("keys", "update", made["id"], "--any-ip")
    assert _asked(house, rotated["value"]) == INSIDE


def test_service_accounts_and_admin_keys_have_lists_too_and_refusals_are_in_the_audit(house: House) -> None:
    project = f"/projects/{house.facts['project_id']}"
    robo = house.admin("POST", f"{project}/service_accounts", name="robo")
    second = house.admin("POST", f"{project}/service_accounts/{robo['id']}/api_keys", ip_allowlist=[ELSEWHERE])
    assert _asked(house, second["value"]) == OUTSIDE
    admin = house.admin("POST", "/admin_api_keys", name="from afar", ip_allowlist=[ELSEWHERE])
    for path in ("/organization/projects", "/organization/nothing", f"/organization{project}/api_keys"):
        assert _asked(house, admin["value"], path) == OUTSIDE
    metrics = httpx.get(
        f"{house.url}/metrics", headers={"Authorization": f"Bearer {admin['value']}"}, trust_env=False, verify=False
    )
    assert metrics.status_code == 401
    refusals = until(lambda: _refused(house, admin["id"]), 10)
    assert refusals[0]["admin_call.refused"]["error_code"] == "ip_not_authorized"
    assert refusals[0]["actor"]["api_key"]["ip_address"] == HERE
    house.admin("POST", f"/admin_api_keys/{admin['id']}", ip_allowlist=[HERE])
    assert _asked(house, admin["value"], "/organization/projects") == INSIDE


def test_an_admin_key_with_a_list_lifts_it_neither_for_itself_nor_by_another_key(house: House) -> None:
    admin = house.admin("POST", "/admin_api_keys", name="near", ip_allowlist=[HERE])
    for path, body in (
        ("/admin_api_keys", {"name": "free"}),
        ("/admin_api_keys", {"name": "wide", "ip_allowlist": [HERE, ELSEWHERE]}),
        (f"/admin_api_keys/{admin['id']}", {"ip_allowlist": None}),
    ):
        answer = httpx.post(
            f"{house.url}/v1/organization{path}",
            headers={"Authorization": f"Bearer {admin['value']}"},
            json=body,
            trust_env=False,
        )
        assert (answer.status_code, answer.json()["error"]["param"]) == (403, "ip_allowlist")
        assert HERE in answer.json()["error"]["message"]


def test_nobodys_word_is_believed_unless_a_proxy_is_trusted(house: House) -> None:
    key = house.new_key("plain", ip_allowlist=[ELSEWHERE])
    assert _asked(house, key["value"], forwarded="203.0.113.9") == OUTSIDE
    key = house.new_key("here", ip_allowlist=[HERE])
    assert _asked(house, key["value"], forwarded="203.0.113.9") == INSIDE


@pytest.fixture
def proxied(new_house: NewHouse) -> House:
    """A house behind trusted proxies: whoever calls from this machine is one."""
    house = new_house(trusted_proxies=f"{HERE}, 10.0.0.0/8")
    house.start()
    return house


def test_behind_trusted_proxies_the_client_is_whom_they_name(proxied: House) -> None:
    key = proxied.new_key("from afar", ip_allowlist=[ELSEWHERE])
    inside = ("203.0.113.9", "1.1.1.1, 203.0.113.9, 10.0.0.7", "nonsense, 203.0.113.9")
    outside = ("198.51.100.1", "203.0.113.9, 198.51.100.1", "203.0.113.9, nonsense", "203.0.113.9,", "", None)
    assert [_asked(proxied, key["value"], forwarded=told) for told in inside] == [INSIDE] * len(inside)
    assert [_asked(proxied, key["value"], forwarded=told) for told in outside] == [OUTSIDE] * len(outside)
    here = proxied.new_key("this machine", ip_allowlist=[HERE])
    assert _asked(proxied, here["value"]) == INSIDE
    assert _asked(proxied, here["value"], forwarded="nonsense") == OUTSIDE


def test_the_audit_has_the_clients_address_and_not_the_proxys(proxied: House) -> None:
    headers = {"Authorization": f"Bearer {proxied.facts['admin_key']}", "X-Forwarded-For": "203.0.113.9"}
    url = f"{proxied.url}/v1/organization/projects"
    assert httpx.post(url, headers=headers, json={"name": "Far"}, trust_env=False, verify=False).status_code == 200
    headers["X-Forwarded-For"] = "nonsense"
    assert httpx.post(url, headers=headers, json={"name": "Unknown"}, trust_env=False, verify=False).status_code == 200
    events: list[dict[str, Any]] = proxied.do_json("audit", "list", "--event", "project.created")
    assert [event["actor"]["api_key"]["ip_address"] for event in events if event["actor"]["type"] == "api_key"] == [
        None, "203.0.113.9",
    ]  # fmt: skip
    key = proxied.new_key("gone")
    proxied.key_verb(key["id"], "revoke")
    assert _asked(proxied, key["value"], forwarded="203.0.113.10") == (401, "invalid_api_key")
    used = until(lambda: proxied.do_json("audit", "list", "--event", "api_key.used_after_revocation"), 10)
    assert used[0]["actor"]["api_key"]["ip_address"] == "203.0.113.10"
    (started,) = proxied.do_json("audit", "list", "--event", "settings.changed")
    assert "KEYHOUSE_TRUSTED_PROXIES" in started["settings.changed"]["settings"]


def test_one_connection_of_a_proxy_carries_many_clients(proxied: House, upstream: FakeUpstream) -> None:
    key = proxied.new_key("from afar", ip_allowlist=[ELSEWHERE])["value"]
    body = wire.chat(upstream.model(answers(completion())))
    connection = wire.connect(proxied)
    seen = []
    for forwarded in ("203.0.113.9", "198.51.100.1", "203.0.113.10"):
        wire.send(connection, proxied, body, key=key, headers={"X-Forwarded-For": forwarded})
        with connection.getresponse() as answer:
            seen.append((answer.status, json.loads(answer.read()).get("error", {}).get("code")))
    connection.close()
    assert seen == [INSIDE, OUTSIDE, INSIDE]


def _refused(house: House, key_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.do_json("audit", "list", "--event", "admin_call.refused")
    return [event for event in found if event["actor"]["api_key"]["id"] == key_id]
