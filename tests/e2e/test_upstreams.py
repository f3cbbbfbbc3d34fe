"""Upstreams and prices over HTTP against a running house: in force at once."""

from __future__ import annotations

from tests.e2e import wire
from tests.e2e.house import House
from tests.e2e.upstream import KEY, FakeUpstream, answers, completion, usage


def test_an_upstream_that_is_added_over_http_answers_at_once_and_no_more_once_it_is_removed(
    house: House, upstream: FakeUpstream
) -> None:
    model = upstream.model(answers(completion(tokens=usage(1_000_000, 0))), "http-{}")
    body = wire.chat(model)
    assert wire.post(house, body).status == 404
    made = house.admin("POST", "/upstreams", name="http", base_url=upstream.base_url, key=KEY, models=["http-*"])
    assert made["redacted_key"] == f"…{KEY[-4:]}" if len(KEY) >= 20 else "…"
    first = wire.post(house, body)
    assert first.status == 200
    assert upstream.request(model).header(b"authorization") == b"Bearer " + KEY.encode()
    price = house.admin("POST", "/prices", model=model, input="2.50", output="10")
    priced = wire.post(house, body)
    row, free = house.row(priced.request_id), house.row(first.request_id)
    assert (row.price_id, row.cost_nanos) == (price["id"], 2_500_000_000)
    assert free.price_id is None
    house.admin("POST", f"/upstreams/{made['id']}", models=["elsewhere-*"])
    assert wire.post(house, body).status == 404
    house.admin("POST", f"/upstreams/{made['id']}", models=["http-*"])
    assert wire.post(house, body).status == 200
    house.admin("DELETE", f"/upstreams/{made['id']}")
    assert wire.post(house, body).status == 404
    assert house.do_json("upstreams", "list")[0]["name"] == "fake"
