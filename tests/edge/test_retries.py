"""A retry with the same `Idempotency-Key` is answered from its first call, and charged once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.e2e.upstream import answers, completion, delta, last_chunk, stays_silent, streams, usage
from tests.edge.held import DOLLAR, Held, error, held_house

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def held(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Held]:
    async with held_house(tmp_path_factory.mktemp("house"), idempotency_max_bytes=4096) as held:
        yield held


async def ask(held: Held, value: str, model: str, key: str, **more: object) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}
    headers = {"authorization": f"Bearer {value}", "idempotency-key": key}
    return await held.client.post("/v1/chat/completions", json=body, headers=headers)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_retry_gets_the_same_answer_and_is_charged_once(held: Held, stream: bool) -> None:
    told = streams([delta("Hel"), delta("lo.", "stop"), last_chunk(usage(5, 7))])
    model = await held.model(told if stream else answers(completion("Hello.", usage(5, 7))))
    project = await held.project()
    key = await held.house.key(project)
    budget = await held.budget("7", project_id=project)
    first = await ask(held, key.value, model, "order-1", stream=stream, max_tokens=7)
    again = await ask(held, key.value, model, "order-1", stream=stream, max_tokens=7)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-original-request-id"] == first.headers["x-request-id"] != again.headers["x-request-id"]
    assert len(held.upstream.requests(model)) == 1
    assert held.spent(budget) == 7 * DOLLAR
    row = await held.row(again)
    assert (row.outcome, row.input_tokens, row.output_tokens, row.cost_nanos) == ("replayed", 0, 0, 0)


async def test_another_body_with_the_same_key_is_refused(held: Held) -> None:
    model = await held.model(answers(completion("Hello.", usage(5, 7))))
    key = await held.house.key()
    assert (await ask(held, key.value, model, "order-2")).status_code == 200
    refused = await ask(held, key.value, model, "order-2", temperature=1)
    assert error(refused)[:2] == (409, "idempotency_conflict")
    other = await held.house.key()
    assert "idempotent-replayed" not in (await ask(held, other.value, model, "order-2")).headers


async def test_a_retry_while_the_first_runs_is_told_so_and_one_after_it_broke_runs_again(held: Held) -> None:
    model = await held.model(stays_silent)
    key = await held.house.key()
    first = asyncio.ensure_future(ask(held, key.value, model, "order-3"))
    while not held.upstream.requests(model):
        await asyncio.sleep(0.01)
    refused = await ask(held, key.value, model, "order-3")
    assert error(refused)[:2] == (409, "idempotency_running")
    first.cancel()
    async with asyncio.timeout(10):
        while len(held.upstream.requests(model)) == 1:
            again = asyncio.ensure_future(ask(held, key.value, model, "order-3"))
            while not again.done() and len(held.upstream.requests(model)) == 1:
                await asyncio.sleep(0.01)
    again.cancel()


async def test_what_was_refused_before_the_upstream_may_be_tried_again(held: Held) -> None:
    model = await held.model(answers(completion("Hello.", usage(5, 7))))
    project = await held.project()
    key = await held.house.key(project)
    await held.limit(model, project, max_requests_per_1_minute=0)
    assert (await ask(held, key.value, model, "order-4")).status_code == 429
    await held.limit(model, project, max_requests_per_1_minute=2_147_483_647)
    assert (await ask(held, key.value, model, "order-4")).status_code == 200


async def test_an_answer_too_long_to_keep_is_not_charged_again(held: Held) -> None:
    model = await held.model(answers(completion("x" * 5000, usage(5, 7))))
    key = await held.house.key()
    assert (await ask(held, key.value, model, "order-5")).status_code == 200
    refused = await ask(held, key.value, model, "order-5")
    assert error(refused)[:2] == (409, "idempotency_unkept")
    assert len(held.upstream.requests(model)) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
async def test_a_key_that_is_none_is_refused(held: Held, key: str) -> None:
    model = await held.model(answers(completion("Hello.", usage(5, 7))))
    alice = await held.house.key()
    assert error(await ask(held, alice.value, model, key))[:2] == (400, "invalid_value")
