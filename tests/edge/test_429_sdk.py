"""The official SDK under limits and budgets: what it raises, and what it asks again for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import openai
import pytest
import pytest_asyncio

from tests.e2e.upstream import answers, completion, usage
from tests.edge.held import Held, held_house

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def held(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Held]:
    async with held_house(tmp_path_factory.mktemp("house")) as held:
        yield held


async def _statuses_and_outcome(
    held: Held, value: str, model: str, *, max_retries: int
) -> tuple[list[int], openai.RateLimitError | None]:
    """What the gateway answered to each attempt, and what the SDK raised in the end."""
    statuses: list[int] = []

    async def note(answer: httpx.Response) -> None:
        statuses.append(answer.status_code)

    async with openai.AsyncOpenAI(
        api_key=value,
        base_url=f"http://127.0.0.1:{held.house.port}/v1",
        max_retries=max_retries,
        http_client=openai.DefaultAsyncHttpxClient(trust_env=False, verify=False, event_hooks={"response": [note]}),
    ) as client:
        try:
            await client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=7
            )
        except openai.RateLimitError as raised:
            return statuses, raised
    return statuses, None


async def test_the_sdk_waits_as_told_and_is_served(held: Held) -> None:
    model = await held.model(answers(completion("Hello.", usage(5, 7))))
    project = await held.project()
    key = await held.house.key(project)
    await held.limit(model, project, max_requests_per_1_minute=1)
    assert (await held.ask(key.value, model)).status_code == 200
    statuses, raised = await _statuses_and_outcome(held, key.value, model, max_retries=0)
    assert raised is not None
    assert statuses == [429]
    assert (raised.code, raised.type) == ("rate_limit_exceeded", "rate_limit_exceeded")
    held.skip(int(raised.response.headers["retry-after-ms"]) - 3000)
    assert await _statuses_and_outcome(held, key.value, model, max_retries=1) == ([429, 200], None)
    assert len(held.upstream.requests(model)) == 2


async def test_the_sdk_does_not_ask_again_for_what_a_budget_refused(held: Held) -> None:
    model = await held.model(answers(completion("Hello.", usage(5, 7))))
    project = await held.project()
    key = await held.house.key(project)
    await held.budget("7", project_id=project)
    assert await _statuses_and_outcome(held, key.value, model, max_retries=1) == ([200], None)
    statuses, raised = await _statuses_and_outcome(held, key.value, model, max_retries=1)
    assert raised is not None
    assert statuses == [429]
    assert (raised.code, raised.type) == ("insufficient_quota", "insufficient_quota")
    assert len(held.upstream.requests(model)) == 1
