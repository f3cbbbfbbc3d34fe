"""What the gateway answers by itself: its health, its counts, and the models that a key can call."""

from __future__ import annotations

import json
import time
from urllib.parse import quote

import pytest

from keyhouse.control import model_permissions, projects, upstreams
from keyhouse.control.upstream_fields import UpstreamFields
from tests.edge.raw import Answer, Raw, get, post
from tests.houses import RunningHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def asked(house: RunningHouse, request: bytes, *, head_only: bool = False) -> Answer:
    async with Raw(house.port) as raw:
        return await raw.ask(request, head_only=head_only)


def bearer(value: str) -> bytes:
    return b"authorization: Bearer " + value.encode()


async def models(house: RunningHouse, value: str) -> list[str]:
    listed = json.loads((await asked(house, get(b"/v1/models", bearer(value)))).body)
    assert listed["object"] == "list"
    assert all(set(model) == {"id", "object", "created", "owned_by"} for model in listed["data"])
    return [model["id"] for model in listed["data"]]


# --- health ---


@pytest.mark.parametrize("path", [b"/healthz", b"/readyz", b"/healthz?verbose=1"])
async def test_health_needs_no_key_and_is_never_cached(house: RunningHouse, path: bytes) -> None:
    answer = await asked(house, get(path))
    assert (answer.status, answer.body, answer.headers["cache-control"]) == (200, b'{"status":"ok"}', "no-store")


async def test_health_answers_head_and_refuses_other_methods(house: RunningHouse) -> None:
    head = await asked(house, get(b"/healthz").replace(b"GET", b"HEAD"), head_only=True)
    assert (head.status, head.headers["content-length"]) == (200, "15")
    posted = await asked(house, post(b"{}", path=b"/readyz"))
    assert (posted.status, posted.code, posted.headers["allow"]) == (405, "method_not_allowed", "GET, HEAD")


# --- models ---


async def test_a_key_sees_the_models_that_it_can_call(house: RunningHouse) -> None:
    project = await house.do(projects.create, "Bob's")
    shared = UpstreamFields("shared", "http://127.0.0.1:9/v1", None, ["gpt-4o", "org/model:free"])
    bobs = UpstreamFields("bobs", "http://127.0.0.1:9/v1", None, ["bob-1"], project_id=project.id)
    for fields in (shared, bobs):
        await house.do(upstreams.add, fields, lambda *_: [])
    bob, narrow, nothing = await house.key(project.id), await house.key(models=["gpt-*"]), await house.key(models=[])
    assert await models(house, house.facts.api_key) == ["gpt-4o", "org/model:free"]
    assert await models(house, bob.value) == ["bob-1", "gpt-4o", "org/model:free"]
    assert await models(house, narrow.value) == ["gpt-4o"]
    assert await models(house, nothing.value) == []
    hidden = await asked(house, get(b"/v1/models/bob-1", bearer(house.facts.api_key)))
    outside = await asked(house, get(b"/v1/models/org%2Fmodel:free", bearer(narrow.value)))
    assert (hidden.code, outside.code) == ("model_not_found", "model_not_found")


async def test_models_that_a_project_does_not_permit_are_hidden(house: RunningHouse) -> None:
    project = await house.do(projects.create, "Permitted")
    names = ["gpt-4o", "o3", "o3-mini"]
    fields = UpstreamFields("permitted", "http://127.0.0.1:9/v1", None, names, project_id=project.id)
    await house.do(upstreams.add, fields, lambda *_: [])
    key, narrow = await house.key(project.id), await house.key(project.id, models=["o3*"])
    before = await models(house, key.value)
    await house.do(model_permissions.put, project.id, {"mode": "deny_list", "model_ids": ["o3"]})
    assert await models(house, key.value) == [name for name in before if name != "o3"]
    assert await models(house, narrow.value) == ["o3-mini"]
    assert (await asked(house, get(b"/v1/models/o3", bearer(key.value)))).code == "model_not_found"
    await house.do(model_permissions.put, project.id, {"mode": "allow_list", "model_ids": ["o3"]})
    assert await models(house, key.value) == ["o3"]
    await house.do(model_permissions.remove, project.id)
    assert await models(house, key.value) == before


@pytest.mark.parametrize("written", ["org/model:free", quote("org/model:free", safe=""), "%6Frg/model%3afree"])
async def test_a_model_is_found_however_its_id_is_written(house: RunningHouse, written: str) -> None:
    answer = await asked(house, get(b"/v1/models/" + written.encode(), house.bearer.strip()))
    assert (answer.status, json.loads(answer.body)["id"]) == (200, "org/model:free")


async def test_asking_for_models_leaves_a_free_row(house: RunningHouse) -> None:
    answer = await asked(house, get(b"/v1/models", house.bearer.strip(), b"x-client-request-id: mine"))
    row = house.rows()[-1]
    assert (row.request_id, row.operation, row.status, row.outcome) == (
        answer.headers["x-request-id"],
        "models.list",
        200,
        "completed",
    )
    assert (row.client_request_id, row.model_asked, row.input_tokens, row.upstream) == ("mine", None, 0, None)


# --- counts ---


async def test_counts_tell_refusals_of_nobody_from_those_of_somebody(house: RunningHouse) -> None:
    async def counted(code: str, caller: str) -> float:
        text = (await asked(house, get(b"/metrics", bearer(house.facts.admin_key)))).body.decode()
        name = f'keyhouse_refusals_total{{caller="{caller}",code="{code}"}} '
        return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))

    before = [await counted("invalid_api_key", "unidentified"), await counted("unknown_route", "identified")]
    for _ in range(3):
        await asked(house, get(b"/v1/nowhere"))
    await asked(house, get(b"/v1/nowhere", house.bearer.strip()))
    after = [await counted("invalid_api_key", "unidentified"), await counted("unknown_route", "identified")]
    assert [b - a for a, b in zip(before, after, strict=True)] == [3, 1]


async def test_counts_are_for_administrators(house: RunningHouse) -> None:
    assert (await asked(house, get(b"/metrics"))).status == 401
    assert (await asked(house, get(b"/metrics", house.bearer.strip()))).status == 403


async def test_a_flood_of_refused_calls_by_a_known_key_leaves_a_bounded_log(house: RunningHouse) -> None:
    log = house.gateway._refusals
    house.refused()
    noted, written, began = log.noted, log.written, time.monotonic()
    async with Raw(house.port) as raw:
        for _ in range(40):
            await raw.say(get(b"/v1/nowhere", house.bearer.strip()) * 10)
            assert {(await raw.answer()).status for _ in range(10)} == {404}
    house.refused()
    assert log.noted - noted == 400
    assert log.written - written <= 100 * (time.monotonic() - began + 2), (
        "a hundred a second, and the flushes asked for here"
    )
    assert log.noted == log.written + log.dropped
