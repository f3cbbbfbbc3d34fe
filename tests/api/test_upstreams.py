"""`/v1/organization/upstreams` over HTTP: who answers, and keys that no answer has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.served import Served
from tests.control.houses import NOW
from tests.control.test_upstreams import KEY, URL

PATH = "/organization/upstreams"


def add(api: Served, name: str = "main", **fields: object) -> Any:
    return api.post(PATH, {"name": name, "base_url": URL, "models": ["gpt-*"], **fields})


def refused(api: Served, method: str, path: str, body: object = None) -> tuple[int, str, str | None]:
    answer = api.call(method, path, body)
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


def test_an_upstream_lives_and_its_key_is_in_no_answer(api: Served) -> None:
    api.house.upstream_models[URL] = ["gpt-4o", "o3"]
    made = add(api, key=KEY)
    assert made == {
        "object": "upstream",
        "id": made["id"],
        "name": "main",
        "base_url": URL,
        "redacted_key": "…cdef",
        "models": ["gpt-*"],
        "listed_models": ["gpt-4o", "o3"],
        "project_id": None,
        "ca_file": None,
        "created_at": NOW,
    }
    one = f"{PATH}/{made['id']}"
    assert api.get(one) == made
    assert api.get(PATH)["data"] == [made]
    changed = api.post(one, {"name": "second", "models": None, "project_id": api.house.project_id})
    assert (changed["name"], changed["models"]) == ("second", ["gpt-4o", "o3"])
    assert changed["project_id"] == api.house.project_id
    assert api.post(one, {"key": KEY + "2"})["redacted_key"] == "…def2"
    api.house.upstream_models[URL] = ["gpt-5"]
    assert api.post(f"{one}/test")["listed_models"] == ["gpt-5"]
    assert api.delete(one) == {"id": made["id"], "object": "upstream.deleted", "deleted": True}
    assert refused(api, "GET", one) == refused(api, "DELETE", one) == (404, "not_found", None)
    assert refused(api, "POST", f"{one}/test") == refused(api, "POST", one, {"name": "a"}) == (404, "not_found", None)
    assert not any(KEY in text for text in api.seen)
    assert not api.house.files_contain(KEY)
    assert [event.type.value for event in api.house.events()][-5:] == [
        "upstream.created", "upstream.updated", "upstream.updated", "upstream.updated", "upstream.deleted",
    ]  # fmt: skip


def test_upstreams_are_listed_forwards_and_backwards(api: Served) -> None:
    ids = []
    for number in range(4):
        api.house.clock.now += 1
        ids.append(add(api, f"u{number}")["id"])

    def listed(**query: object) -> tuple[list[int], bool]:
        page = api.get(PATH, **query)
        return [ids.index(upstream["id"]) for upstream in page["data"]], page["has_more"]

    assert listed() == ([0, 1, 2, 3], False)
    assert listed(limit=2, after=ids[0]) == ([1, 2], True)
    assert listed(limit=2, before=ids[3]) == ([1, 2], True)
    assert listed(limit=2, order="desc") == ([3, 2], True)
    api.delete(f"{PATH}/{ids[1]}")
    assert listed(after=ids[1]) == ([2, 3], False)
    assert refused(api, "GET", f"{PATH}?after=ups_none") == (400, "invalid_value", "after")


def test_a_key_is_not_sent_to_another_server(api: Served) -> None:
    made = add(api, key=KEY)
    one, asked = f"{PATH}/{made['id']}", len(api.house.asked)
    assert refused(api, "POST", one, {"base_url": "https://evil.example/v1"}) == (400, "invalid_value", "key")
    assert (api.get(one), len(api.house.asked)) == (made, asked)


def test_an_upstream_that_does_not_answer_is_told_where_it_must(api: Served) -> None:
    assert refused(api, "POST", PATH, {"name": "a", "base_url": URL}) == (400, "upstream_unlisted", "base_url")
    made = add(api)
    assert made["listed_models"] == []
    assert refused(api, "POST", f"{PATH}/{made['id']}/test") == (400, "upstream_unlisted", "base_url")
    assert refused(api, "POST", f"{PATH}/{made['id']}", {"models": None}) == (400, "upstream_unlisted", "base_url")


BAD: list[tuple[Any, str]] = [
    ([], "body"),
    ({}, "name"),
    ({"name": "a"}, "base_url"),
    ({"name": 7, "base_url": URL}, "name"),
    ({"name": "", "base_url": URL}, "name"),
    ({"name": "x" * 10_000, "base_url": URL}, "name"),
    ({"name": "a\u0000b", "base_url": URL}, "name"),
    ({"name": "🦊", "base_url": URL}, "name"),
    ({"name": "שלום", "base_url": URL}, "name"),
    ({"name": "a", "base_url": 7}, "base_url"),
    ({"name": "a", "base_url": "ftp://models.example"}, "base_url"),
    ({"name": "a", "base_url": "https://bob:pw@models.example"}, "base_url"),
    ({"name": "a", "base_url": "https://models.example/\r\nx: y"}, "base_url"),
    ({"name": "a", "base_url": "https://models.example/" + "x" * 10_000}, "base_url"),
    ({"name": "a", "base_url": URL, "key": ""}, "key"),
    ({"name": "a", "base_url": URL, "key": 7}, "key"),
    ({"name": "a", "base_url": URL, "key": "a\nb"}, "key"),
    ({"name": "a", "base_url": URL, "models": "gpt-*"}, "models"),
    ({"name": "a", "base_url": URL, "models": []}, "models"),
    ({"name": "a", "base_url": URL, "models": [7]}, "models[0]"),
    ({"name": "a", "base_url": URL, "models": ["m"], "project_id": 7}, "project_id"),
    ({"name": "a", "base_url": URL, "ca_file": "/etc/passwd"}, "ca_file"),
    ({"name": "a", "base_url": URL, "id": "ups_1"}, "id"),
]


@pytest.mark.parametrize(("body", "param"), BAD, ids=[str(b[0])[:40] for b in BAD])
def test_bad_bodies_are_400_and_name_what_is_wrong(unchanged: Served, body: object, param: str) -> None:
    assert refused(unchanged, "POST", PATH, body) == (400, "invalid_value", param)


def test_what_is_not_there_is_404_and_a_taken_name_409(api: Served) -> None:
    body = {"name": "a", "base_url": URL, "models": ["m"], "project_id": "proj_none"}
    assert refused(api, "POST", PATH, body)[0] == 404
    add(api)
    assert refused(api, "POST", PATH, {"name": "main", "base_url": URL, "models": ["m"]}) == (409, "conflict", "name")
    other = add(api, "other")["id"]
    assert refused(api, "POST", f"{PATH}/{other}", {"name": "main"}) == (409, "conflict", "name")
    assert refused(api, "POST", f"{PATH}/{other}", {}) == (400, "invalid_value", "name")
