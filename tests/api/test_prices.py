"""`/v1/organization/prices` over HTTP: exact, versioned, in force at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.served import Served
from tests.control.houses import NOW

PATH = "/organization/prices"


def put(api: Served, model: str, input_: str = "2.50", **fields: object) -> Any:
    return api.post(PATH, {"model": model, "input": input_, "output": "10", **fields})


def test_a_price_is_set_in_exact_dollars_and_its_versions_are_listed(api: Served) -> None:
    first = put(api, "m/1", "0.000000001", cached_input="1.25")
    assert first == {
        "object": "price",
        "id": first["id"],
        "model": "m/1",
        "effective_at": NOW,
        "input": "0.000000001",
        "cached_input": "1.25",
        "cache_write": None,
        "output": "10",
        "input_audio": None,
        "output_audio": None,
        "tiers": 0,
        "source": "operator",
    }
    second, other = put(api, "m/1"), put(api, "m/0")
    assert api.get(PATH)["data"] == [other, second]
    assert api.get(PATH, model="m/1")["data"] == [second, first]
    assert api.get(PATH, model="m/2") == {
        "object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False,
    }  # fmt: skip
    page = api.get(PATH, limit=1)
    assert (page["data"], page["has_more"]) == ([other], True)
    assert api.get(PATH, after=page["last_id"])["data"] == [second]
    assert api.get(PATH, model="m/1", after=second["id"])["data"] == [first]
    assert api.get(f"{PATH}/{first['id']}") == first
    event = api.house.events()[-1]
    assert (event.type.value, event.actor.kind, event.object_id) == ("price.set", "api_key", other["id"])


BAD: list[tuple[Any, str]] = [
    ([], "body"),
    ({}, "model"),
    ({"model": "m"}, "input"),
    ({"model": "m", "input": "1"}, "output"),
    ({"model": "", "input": "1", "output": "1"}, "model"),
    ({"model": "x" * 10_000, "input": "1", "output": "1"}, "model"),
    ({"model": "a\u0000", "input": "1", "output": "1"}, "model"),
    ({"model": "gpt-*", "input": "1", "output": "1"}, "model"),
    ({"model": 7, "input": "1", "output": "1"}, "model"),
    ({"model": "m", "input": 1, "output": "1"}, "input"),
    ({"model": "m", "input": "1", "output": 2.5}, "output"),
    ({"model": "m", "input": "1", "output": None}, "output"),
    ({"model": "m", "input": "-1", "output": "1"}, "input"),
    ({"model": "m", "input": "1e99", "output": "1"}, "input"),
    ({"model": "m", "input": "NaN", "output": "1"}, "input"),
    ({"model": "m", "input": "1", "output": "0.0000000001"}, "output"),
    ({"model": "m", "input": "1", "output": "1", "cached_input": ""}, "cached_input"),
    ({"model": "m", "input": "1", "output": "1", "effective_at": 1}, "effective_at"),
]


@pytest.mark.parametrize(("body", "param"), BAD, ids=[str(b[0])[:40] for b in BAD])
def test_bad_bodies_are_400_and_name_what_is_wrong(unchanged: Served, body: object, param: str) -> None:
    answer = unchanged.call("POST", PATH, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_value", param)


def test_what_is_not_there_is_told(unchanged: Served) -> None:
    assert unchanged.call("GET", f"{PATH}/price_none").status_code == 404
    for name, value in (("after", "price_none"), ("limit", "101"), ("order", "asc"), ("before", "x")):
        answer = unchanged.call("GET", PATH, params={name: value})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)
