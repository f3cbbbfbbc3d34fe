"""429 for a rate limit: which one, at what level, and when to come again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.upstream import answers, completion, usage
from tests.edge.held import Held, error, held_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
ANSWER = answers(completion("Hello.", usage(5, 7)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def held(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Held]:
    async with held_house(tmp_path_factory.mktemp("house")) as held:
        yield held


@pytest.mark.parametrize("level", ["organization", "project", "key"])
async def test_a_limit_of_any_level_refuses_and_says_when_it_does_not(held: Held, level: str) -> None:
    model = await held.model(ANSWER)
    project = await held.project()
    numbers = {"max_requests_per_1_minute": 2}
    key = await held.house.key(project, **({"rate_limits": numbers} if level == "key" else {}))
    if level != "key":
        await held.limit(model, project if level == "project" else None, **numbers)
    for left in (1, 0):
        answer = await held.ask(key.value, model)
        assert answer.status_code == 200
        assert answer.headers["x-ratelimit-limit-requests"] == "2"
        assert answer.headers["x-ratelimit-remaining-requests"] == str(left)
    refused = await held.ask(key.value, model)
    status, code, message = error(refused)
    assert (status, code) == (429, "rate_limit_exceeded")
    assert "max_requests_per_1_minute" in message
    assert f"{level} " in message
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    wait = int(refused.headers["retry-after-ms"])
    assert 0 < wait <= 61_000
    assert int(refused.headers["retry-after"]) == -(-wait // 1000)
    assert len(held.upstream.requests(model)) == 2
    held.skip(wait)
    assert (await held.ask(key.value, model)).status_code == 200


async def test_other_projects_and_models_are_not_held_to_it(held: Held) -> None:
    model, other_model = await held.model(ANSWER), await held.model(ANSWER)
    project, other_project = await held.project(), await held.project()
    key, other_key = await held.house.key(project), await held.house.key(other_project)
    await held.limit(model, project, max_requests_per_1_minute=0)
    assert (await held.ask(key.value, model)).status_code == 429
    assert (await held.ask(key.value, other_model)).status_code == 200
    free = await held.ask(other_key.value, model)
    assert free.status_code == 200
    assert not [name for name in free.headers if name.startswith("x-ratelimit")]


async def test_tokens_are_taken_by_estimate_and_corrected_when_they_are_known(held: Held) -> None:
    model = await held.model(ANSWER)
    project = await held.project()
    key = await held.house.key(project)
    await held.limit(model, project, max_tokens_per_1_minute=1_000)
    assert (await held.ask(key.value, model, max_tokens=900)).status_code == 200
    again = await held.ask(key.value, model, max_tokens=900)
    assert again.status_code == 200  # the first took 12 in the end
    third = await held.ask(key.value, model, max_tokens=1)
    # As the answer leaves, two calls are corrected to 12 each and the third is, too.
    assert int(third.headers["x-ratelimit-remaining-tokens"]) in range(1_000 - 3 * 40, 1_000 - 2 * 12)
    too_large = await held.ask(key.value, model, max_tokens=2_000)
    status, code, message = error(too_large)
    assert (status, code) == (429, "rate_limit_exceeded")
    assert "The call alone" in message
    assert too_large.headers["x-should-retry"] == "false"
    assert "retry-after" not in too_large.headers


async def test_a_call_that_used_more_than_estimated_keeps_others_out_until_the_window_is_under_again(
    held: Held,
) -> None:
    model = await held.model(answers(completion("Hello.", usage(5, 1_500))))
    project = await held.project()
    key = await held.house.key(project)
    await held.limit(model, project, max_tokens_per_1_minute=1_000)
    assert (await held.ask(key.value, model, max_tokens=10)).status_code == 200
    refused = await held.ask(key.value, model, max_tokens=10)
    assert refused.status_code == 429
    held.skip(int(refused.headers["retry-after-ms"]))
    assert (await held.ask(key.value, model, max_tokens=10)).status_code == 200


async def test_a_new_limit_is_in_force_when_its_call_returns(held: Held) -> None:
    model = await held.model(ANSWER)
    project = await held.project()
    key = await held.house.key(project)
    assert (await held.ask(key.value, model)).status_code == 200
    await held.limit(model, project, max_requests_per_1_day=0)
    assert (await held.ask(key.value, model)).status_code == 429
    await held.limit(model, project, max_requests_per_1_day=2_147_483_647)
    assert (await held.ask(key.value, model)).status_code == 200


async def test_a_refused_call_is_in_the_log_of_refusals_and_not_in_the_ledger(held: Held) -> None:
    model = await held.model(ANSWER)
    project = await held.project()
    key = await held.house.key(project)
    await held.limit(model, project, max_requests_per_1_minute=0)
    refused = await held.ask(key.value, model)
    request_id = refused.headers["x-request-id"]
    assert held.house.opened.store.ledger.get(request_id) is None
    assert [(entry.code, entry.status) for entry in held.house.refused() if entry.request_id == request_id] == [
        ("rate_limit_exceeded", 429)
    ]
