"""What a project's hosted-tool permissions and data retention do to real calls, and what the upstream gets to see of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import PermissionDeniedError

from tests.e2e import wire
from tests.e2e.house import House
from tests.e2e.upstream import FakeUpstream, answers, completion, delta, streams

SEARCH: dict[str, Any] = {"type": "web_search_preview"}
FUNCTION: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
ZERO, DEFAULT = "zero_data_retention", "organization_default"


@pytest.fixture
def project(house: House) -> Iterator[str]:
    made = house.admin("POST", "/projects", name="Policies")["id"]
    yield made
    house.admin("POST", "/data_retention", retention_type="modified_abuse_monitoring")
    house.admin("POST", f"/projects/{made}/archive")


@pytest.fixture
def key(house: House, project: str) -> str:
    return str(house.admin("POST", f"/projects/{project}/api_keys", name="theirs")["value"])


def permit(house: House, project: str, **tools: bool) -> None:
    given = {name: {"enabled": enabled} for name, enabled in tools.items()}
    house.admin("POST", f"/projects/{project}/hosted_tool_permissions", **given)


def retain(house: House, kind: str, project: str | None = None) -> None:
    place = "" if project is None else f"/projects/{project}"
    house.admin("POST", f"{place}/data_retention", retention_type=kind)


def once(house: House, body: dict[str, Any], key: str, name: str) -> wire.Answer:
    return wire.post(house, body, key=key, headers={"Idempotency-Key": name})


def test_a_denied_tool_is_refused_at_once_and_reaches_no_upstream(
    house: House, upstream: FakeUpstream, project: str, key: str
) -> None:
    model = upstream.model(answers(completion()))
    asked = wire.chat(model, tools=[FUNCTION, SEARCH])
    assert wire.post(house, asked, key=key).status == 200
    permit(house, project, web_search=False)
    answer = wire.post(house, asked, key=key)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (403, "tool_not_allowed", "tools[1].type")
    assert "web_search" in answer.error["message"]
    options = wire.post(house, wire.chat(model, web_search_options={}), key=key)
    assert (options.status, options.error["param"]) == (403, "web_search_options")
    with pytest.raises(PermissionDeniedError):
        house.client(key).chat.completions.create(model=model, messages=[], web_search_options={})
    assert len(upstream.requests(model)) == 1
    assert wire.post(house, wire.chat(model, tools=[FUNCTION, {"type": "mcp"}]), key=key).status == 200
    permit(house, project, web_search=True, mcp=False)
    assert wire.post(house, asked, key=key).status == 200
    assert json.loads(upstream.requests(model)[-1].body) == asked


def test_tools_of_one_project_are_not_another_s(house: House, upstream: FakeUpstream, project: str) -> None:
    model = upstream.model(answers(completion()))
    permit(house, project, web_search=False)
    assert wire.post(house, wire.chat(model, tools=[SEARCH])).status == 200


def test_under_zero_data_retention_no_upstream_is_asked_to_store(
    house: House, upstream: FakeUpstream, project: str, key: str
) -> None:
    model = upstream.model(answers(completion()))
    for place in (project, None):
        retain(house, ZERO, place)
        wire.post(house, wire.chat(model, store=True), key=key)
        assert json.loads(upstream.requests(model)[-1].body) == wire.chat(model, store=False)
        retain(house, DEFAULT, project)
    retain(house, "none", project)
    wire.post(house, wire.chat(model, store=True), key=key)
    assert json.loads(upstream.requests(model)[-1].body)["store"] is True


def test_under_zero_data_retention_a_retry_is_told_that_the_answer_was_not_kept(
    house: House, upstream: FakeUpstream, project: str, key: str
) -> None:
    model = upstream.model(answers(completion()))
    retain(house, ZERO, project)
    assert once(house, wire.chat(model), key, "first").status == 200
    again = once(house, wire.chat(model), key, "first")
    assert (again.status, again.error["code"]) == (409, "idempotency_unkept")
    assert "data retention" in again.error["message"]
    assert len(upstream.requests(model)) == 1


@pytest.mark.parametrize("of_project", [True, False])
def test_what_was_kept_is_removed_when_nothing_may_be_any_more(
    house: House, upstream: FakeUpstream, project: str, key: str, of_project: bool
) -> None:
    model = upstream.model(answers(completion()))
    first = once(house, wire.chat(model), key, "kept")
    assert once(house, wire.chat(model), key, "kept").body == first.body
    retain(house, ZERO, project if of_project else None)
    assert once(house, wire.chat(model), key, "kept").error["code"] == "idempotency_unkept"


def test_a_call_that_runs_when_retention_ends_keeps_no_answer(
    house: House, upstream: FakeUpstream, project: str, key: str
) -> None:
    model = upstream.model(streams([delta("Once ")] * 10, pause=0.05))
    body = wire.chat(model, stream=True)
    with wire.opened(house, body, key=key, headers={"Idempotency-Key": "running"}) as response:
        response.read1()
        retain(house, ZERO)
        rest, _ = wire.read_to_end(response)
    assert rest.endswith(b"[DONE]\n\n")
    assert once(house, body, key, "running").error["code"] == "idempotency_unkept"
