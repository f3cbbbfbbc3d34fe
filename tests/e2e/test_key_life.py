"""The life of a key against a running house: what narrows it holds from the moment in which the command returns."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e import wire
from tests.e2e.house import House, until
from tests.e2e.upstream import FakeUpstream, answers, completion, delta, stays_silent, streams_on

PROMISED = 1.0

Narrow = Callable[[House, Any], None]


def _archived(house: House, key: Any) -> None:
    house.admin("POST", f"/projects/{key['project_id']}/archive")


NARROWINGS: dict[str, Narrow] = {
    "api-revoke": lambda house, key: house.admin("POST", f"{key['path']}/revoke"),
    "api-delete": lambda house, key: house.admin("DELETE", key["path"]),
    "api-disable": lambda house, key: house.admin("POST", f"{key['path']}/disable"),
    "api-rotate-at-once": lambda house, key: house.admin("POST", f"{key['path']}/rotate", grace_seconds=0),
    "api-archive": _archived,
    "cli-revoke": lambda house, key: void(house.do("keys", "revoke", key["id"], "--project", key["project_id"])),
    "cli-disable": lambda house, key: void(house.do("keys", "disable", key["id"], "--project", key["project_id"])),
    "cli-archive": lambda house, key: void(house.do("projects", "archive", key["project_id"])),
}
CODES = {"disable": (401, "api_key_disabled"), "archive": (403, "project_archived")}


def void(_: object) -> None:
    return None


def _new_key_of_its_own_project(house: House) -> Any:
    project_id = house.admin("POST", "/projects", name="Narrowed")["id"]
    key = house.admin("POST", f"/projects/{project_id}/api_keys", name="to be narrowed")
    return key | {"project_id": project_id, "path": f"/projects/{project_id}/api_keys/{key['id']}"}


@pytest.mark.parametrize("how", NARROWINGS)
def test_narrowed_key_is_refused_at_once_and_its_running_calls_end(
    house: House, upstream: FakeUpstream, how: str
) -> None:
    key = _new_key_of_its_own_project(house)
    model, silent = upstream.model(streams_on([delta("Once ")])), upstream.model(stays_silent)
    waiting = wire.connect(house)
    wire.send(waiting, house, wire.chat(silent), key=key["value"])
    until(lambda: upstream.requests(silent), 10)
    with wire.opened(house, wire.chat(model, stream=True), key=key["value"]) as response:
        first = response.read1()
        NARROWINGS[how](house, key)
        returned = time.monotonic()
        refused = wire.post(house, wire.chat(upstream.model(answers(completion()))), key=key["value"])
        rest, ended = wire.read_to_end(response)
    assert (refused.status, refused.error["code"]) == CODES.get(how.split("-")[1], (401, "invalid_api_key"))
    assert ended - returned < PROMISED
    assert wire.error_of_stream(first + rest)["code"] == "invalid_api_key"
    answer = waiting.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]["code"]) == (401, "invalid_api_key")
    for name, streamed in ((model, 1), (silent, 0)):
        assert until(lambda name=name: upstream.request(name).gone_at, 10) - returned < PROMISED  # type: ignore[misc]  # mypy cannot infer a lambda's default
        (row,) = house.rows_of_model(name, 10)
        assert (row.outcome, row.status, row.streamed, row.estimated, row.key_id) == (
            "revoked", 401, streamed, 1, key["id"],
        )  # fmt: skip
        assert row.input_tokens > 0


def test_disabled_key_works_again_once_it_is_enabled(house: House, upstream: FakeUpstream) -> None:
    key = house.new_key()
    body = wire.chat(upstream.model(answers(completion())))
    for way in (lambda verb: house.key_verb(key["id"], verb), lambda verb: house.do("keys", verb, key["id"])):
        way("disable")
        assert wire.post(house, body, key=key["value"]).status == 401
        way("enable")
        assert wire.post(house, body, key=key["value"]).status == 200


def test_key_expires_on_the_second_and_so_do_its_streams(house: House, upstream: FakeUpstream) -> None:
    key = house.new_key(expires_in_seconds=2)
    model = upstream.model(streams_on([delta("Once ")]))
    with wire.opened(house, wire.chat(model, stream=True), key=key["value"]) as response:
        body = response.read()
        late = time.time() - key["expires_at"]
    assert 0 <= late < PROMISED
    assert wire.error_of_stream(body)["code"] == "invalid_api_key"
    assert house.rows_of_model(model, 10)[0].outcome == "revoked"
    refused = wire.post(house, wire.chat(model), key=key["value"])
    assert (refused.status, "expired on" in refused.error["message"]) == (401, True)


def test_expiry_that_is_set_while_a_stream_runs_ends_it(house: House, upstream: FakeUpstream) -> None:
    key = house.new_key()
    model = upstream.model(streams_on([delta("Once ")]))
    with wire.opened(house, wire.chat(model, stream=True), key=key["value"]) as response:
        response.read1()
        path = f"/projects/{house.facts['project_id']}/api_keys/{key['id']}"
        expires_at = house.admin("POST", path, expires_in_seconds=1)["expires_at"]
        body = response.read()
        late = time.time() - expires_at
    assert 0 <= late < PROMISED
    assert wire.error_of_stream(body)["code"] == "invalid_api_key"


def test_both_secrets_work_during_the_grace_and_then_only_the_new_one(house: House, upstream: FakeUpstream) -> None:
    key = house.new_key()
    rotated = house.key_verb(key["id"], "rotate", grace_seconds=3)
    body = wire.chat(upstream.model(answers(completion())))
    old_stream, new_stream = (upstream.model(streams_on([delta("Once ")])) for _ in range(2))
    with (
        wire.opened(house, wire.chat(old_stream, stream=True), key=key["value"]) as old,
        wire.opened(house, wire.chat(new_stream, stream=True), key=rotated["value"]) as new,
    ):
        statuses = [wire.post(house, body, key=secret).status for secret in (key["value"], rotated["value"])]
        assert statuses == [200, 200]
        ended = old.read()
        late = time.time() - rotated["previous_valid_until"]
        assert 0 <= late < PROMISED
        assert wire.error_of_stream(ended)["code"] == "invalid_api_key"
        refused = wire.post(house, body, key=key["value"])
        assert (refused.status, "was rotated" in refused.error["message"]) == (401, True)
        assert wire.post(house, body, key=rotated["value"]).status == 200
        assert b"word" in new.read1() + new.read1()
    assert house.rows_of_model(old_stream, 10)[0].outcome == "revoked"


def test_rotation_on_the_command_line_prints_the_new_secret_alone(house: House, upstream: FakeUpstream) -> None:
    first = house.do("keys", "create", "rotated by hand").strip()
    second = house.do("keys", "rotate", "rotated by hand", "--grace", "1h").strip()
    body = wire.chat(upstream.model(answers(completion())))
    assert [wire.post(house, body, key=secret).status for secret in (first, second)] == [200, 200]


def test_lost_secret_appears_nowhere_again(house: House) -> None:
    key = house.new_key("to be lost")
    path = f"/projects/{house.facts['project_id']}/api_keys"
    said = [
        house.admin("GET", f"{path}/{key['id']}"),
        house.admin("GET", f"{path}?limit=100"),
        house.admin("POST", f"{path}/{key['id']}", name="still lost"),
        house.admin("POST", f"{path}/{key['id']}/disable"),
        house.admin("POST", f"{path}/{key['id']}/enable"),
        house.do("keys", "list", "--json"),
        house.do("keys", "show", key["id"]),
        house.do("audit", "list", "--json"),
    ]
    secret = key["value"][-38:]
    assert all(key["value"] not in str(text) and secret not in str(text) for text in said)
    assert key["value"][-4:] in str(said[0])
    assert (house.data / "keyhouse.db").read_bytes().count(secret.encode()) == 0


def test_last_use_shows_within_a_second(house: House, upstream: FakeUpstream) -> None:
    key = house.new_key()
    path = f"/projects/{house.facts['project_id']}/api_keys/{key['id']}"
    assert house.admin("GET", path)["last_used_at"] is None
    called_at = int(time.time())
    assert wire.post(house, wire.chat(upstream.model(answers(completion()))), key=key["value"]).status == 200
    answered = time.monotonic()
    used_at = until(lambda: house.admin("GET", path)["last_used_at"], 10)
    assert time.monotonic() - answered < PROMISED
    assert called_at <= used_at <= time.time()


def test_restrictions_hold_at_once(house: House, upstream: FakeUpstream) -> None:
    key = house.new_key()
    path = f"/projects/{house.facts['project_id']}/api_keys/{key['id']}"
    body = wire.chat(upstream.model(answers(completion())))
    assert wire.post(house, body, key=key["value"]).status == 200
    house.admin("POST", path, models=["other-*"])
    refused = wire.post(house, body, key=key["value"])
    assert (refused.status, refused.error["code"]) == (403, "model_not_allowed")
    house.admin("POST", path, models=None, permissions={"models": "read"})
    refused = wire.post(house, body, key=key["value"])
    assert (refused.status, refused.error["code"]) == (403, "insufficient_permissions")
    assert house.client(key["value"]).models.list() is not None
    house.admin("POST", path, permissions="all")
    assert wire.post(house, body, key=key["value"]).status == 200


def test_service_accounts_key_is_a_key_like_others(house: House, upstream: FakeUpstream) -> None:
    made = house.do_json("service-accounts", "create", "robo")
    secret = made["api_key"]["value"]
    assert secret.startswith("sk-khsvc_")
    body = wire.chat(upstream.model(answers(completion())))
    answer = wire.post(house, body, key=secret)
    assert answer.status == 200
    assert house.row(answer.request_id).service_account_id == made["id"]
    house.key_verb(made["api_key"]["id"], "revoke")
    assert wire.post(house, body, key=secret).status == 401


def test_admin_key_that_is_revoked_opens_nothing_any_more(house: House) -> None:
    made = house.admin("POST", "/admin_api_keys", name="second")
    other = House(house.data, house.facts | {"admin_key": made["value"]})
    other.url = house.url
    assert other.admin("GET", "/projects")["data"]
    house.admin("DELETE", f"/admin_api_keys/{made['id']}")
    with pytest.raises(AssertionError, match="was revoked"):
        other.admin("GET", "/projects")
