"""`…/rate_limits` over HTTP, in OpenAI's shapes and through OpenAI's SDK."""

from __future__ import annotations

import openai
import pytest

from keyhouse.domain.limits import NO_LIMIT, rule_id
from tests.api.served import Served

SIX = {
    "max_requests_per_1_minute": 1,
    "max_tokens_per_1_minute": 0,
    "max_images_per_1_minute": 3,
    "max_audio_megabytes_per_1_minute": 4,
    "max_requests_per_1_day": 5,
    "batch_1_day_max_input_tokens": NO_LIMIT,
}


def test_a_row_is_openais_object_and_is_changed_by_its_id(api: Served) -> None:
    path = f"{api.project}/rate_limits"
    made = api.post(path, {"model": "gpt-4o", "max_requests_per_1_minute": 7})
    assert made == {
        "object": "project.rate_limit",
        "id": rule_id(api.house.project_id, "gpt-4o"),
        "model": "gpt-4o",
        **dict.fromkeys(SIX, NO_LIMIT),
        "max_requests_per_1_minute": 7,
        "increase": None,
    }
    done = api.post(f"{path}/{made['id']}", SIX)
    assert {name: done[name] for name in SIX} == SIX
    listed = api.get(path)
    assert listed == {
        "object": "list", "data": [done], "first_id": done["id"], "last_id": done["id"], "has_more": False,
    }  # fmt: skip


def test_the_organization_has_the_same_calls(api: Served) -> None:
    made = api.post("/organization/rate_limits", {"model": "gpt-4o", "max_requests_per_1_day": 7})
    assert (made["object"], made["max_requests_per_1_day"]) == ("organization.rate_limit", 7)
    done = api.post(f"/organization/rate_limits/{made['id']}", {"max_requests_per_1_day": 8})
    assert api.get("/organization/rate_limits")["data"] == [done]
    assert api.get(f"{api.project}/rate_limits")["data"] == []


def test_lists_are_paged_both_ways(api: Served) -> None:
    path = f"{api.project}/rate_limits"
    ids = [api.post(path, {"model": f"m{n}", "max_requests_per_1_minute": n})["id"] for n in range(4)]
    assert [row["id"] for row in api.get(path, limit=2, after=ids[0])["data"]] == ids[1:3]
    before = api.get(path, limit=2, before=ids[3])
    assert ([row["id"] for row in before["data"]], before["has_more"]) == (ids[1:3], True)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "max_requests_per_1_minute"),
        ({"max_requests_per_1_minute": -1}, "max_requests_per_1_minute"),
        ({"max_requests_per_1_minute": 2**31}, "max_requests_per_1_minute"),
        (b'{"max_requests_per_1_minute": 1e999}', "max_requests_per_1_minute"),
        (b'{"max_requests_per_1_minute": ' + b"9" * 400 + b"}", "max_requests_per_1_minute"),
        ({"max_tokens_per_1_minute": 1.5}, "max_tokens_per_1_minute"),
        ({"max_tokens_per_1_minute": "5"}, "max_tokens_per_1_minute"),
        ({"max_tokens_per_1_minute": True}, "max_tokens_per_1_minute"),
        ({"max_tokens_per_1_minute": None}, "max_tokens_per_1_minute"),
        ({"max_requests_per_1_hour": 5}, "max_requests_per_1_hour"),
        (b"[]", "body"),
        (b"", "body"),
    ],
    ids=lambda v: str(v)[:44],
)
def test_a_bad_number_is_400_and_names_the_field(unchanged: Served, body: object, param: str) -> None:
    for path in (f"{unchanged.project}/rate_limits/rl-none", "/organization/rate_limits/rl-none"):
        answer = unchanged.call("POST", path, body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


def test_what_is_not_there_is_404_or_400(unchanged: Served) -> None:
    one = {"max_requests_per_1_minute": 5}
    for path in (f"{unchanged.project}/rate_limits/rl-none", "/organization/projects/proj_none/rate_limits/rl-x"):
        answer = unchanged.call("POST", path, one)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert unchanged.call("GET", "/organization/projects/proj_none/rate_limits").status_code == 404
    for body, param in (({**one, "model": "gpt-*"}, "model"), (one, "model"), ({**one, "model": 5}, "model")):
        answer = unchanged.call("POST", f"{unchanged.project}/rate_limits", body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    for name, value in (
        ("after", "rl-none"),
        ("before", "rl-none"),
        ("limit", "1001"),
        ("limit", "x"),
        ("order", "asc"),
    ):
        answer = unchanged.call("GET", f"{unchanged.project}/rate_limits", params={name: value})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)


def test_sdk_lists_and_updates_rate_limits(api: Served) -> None:
    for n in range(3):
        api.post(f"{api.project}/rate_limits", {"model": f"m{n}", "max_requests_per_1_minute": n})
    with api.sdk() as client:
        resource = client.admin.organization.projects.rate_limits
        rows = list(resource.list_rate_limits(api.house.project_id, limit=2))
        assert [(row.model, row.max_requests_per_1_minute) for row in rows] == [("m0", 0), ("m1", 1), ("m2", 2)]
        done = resource.update_rate_limit(rows[1].id, project_id=api.house.project_id, max_tokens_per_1_minute=9)
        assert (done.object, done.max_requests_per_1_minute, done.max_tokens_per_1_minute) == (
            "project.rate_limit", 1, 9,
        )  # fmt: skip
        with pytest.raises(openai.BadRequestError) as refused:
            resource.update_rate_limit(rows[1].id, project_id=api.house.project_id, max_tokens_per_1_minute=-9)
        assert refused.value.param == "max_tokens_per_1_minute"


def test_a_key_shows_its_limits(api: Served) -> None:
    given = {"max_requests_per_1_minute": 5}
    made = api.post(f"{api.project}/api_keys", {"name": "a", "rate_limits": given})
    assert made["rate_limits"] == given
    path = f"{api.project}/api_keys/{made['id']}"
    assert api.get(path)["rate_limits"] == given
    assert api.post(path, {"rate_limits": None})["rate_limits"] is None
    robo = api.post(f"{api.project}/service_accounts", {"name": "robo"})
    second = api.post(f"{api.project}/service_accounts/{robo['id']}/api_keys", {"rate_limits": given})
    assert api.get(f"{api.project}/api_keys/{second['id']}")["rate_limits"] == given
    answer = api.call("POST", path, {"rate_limits": {"batch_1_day_max_input_tokens": 5}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_supported")
    assert answer.json()["error"]["param"] == "rate_limits.batch_1_day_max_input_tokens"
