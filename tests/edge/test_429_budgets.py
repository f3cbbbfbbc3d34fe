"""429 for a budget: refused before it is passed, streams cut at its end, and every cent settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from keyhouse.control import budgets, keys
from tests.e2e.upstream import (
    Exchange,
    answers,
    completion,
    delta,
    last_chunk,
    reply,
    stays_silent,
    streams,
    streams_on,
    usage,
)
from tests.edge.held import DOLLAR, Held, error, events, held_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
SLICE = 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def held(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Held]:
    async with held_house(tmp_path_factory.mktemp("house"), budget_slice_tokens=SLICE) as held:
        yield held


@pytest.mark.parametrize("level", ["organization", "project", "key"])
async def test_a_budget_of_any_level_refuses_what_does_not_fit(held: Held, level: str) -> None:
    model = await held.model(answers(completion("Hello.", usage(5, 7))))
    project = await held.project()
    key = await held.house.key(project)
    scope = {"project_id": project} if level == "project" else {"key_id": key.view.key.id} if level == "key" else {}
    before = sum(row.cost_nanos or 0 for row in held.house.rows()) // DOLLAR if level == "organization" else 0
    budget = await held.budget(f"{before + 17}", **scope)
    assert (await held.ask(key.value, model, max_tokens=10)).status_code == 200
    assert (await held.ask(key.value, model, max_tokens=10)).status_code == 200  # 7 spent, 10 left
    refused = await held.ask(key.value, model, max_tokens=10)  # 14 spent, 3 left
    status, code, message = error(refused)
    assert (status, code) == (429, "insufficient_quota")
    assert refused.headers["x-should-retry"] == "false"
    assert all(said in message for said in ("Alice's budget", budget.id, level, "$3.00"))
    assert (await held.ask(key.value, model, max_tokens=3)).status_code == 200
    assert held.spent(budget) == (before + 21) * DOLLAR  # the last upstream did not keep to its bound
    assert held.outstanding == 0
    await held.house.do(budgets.remove, budget.id)
    assert (await held.ask(key.value, model, max_tokens=10)).status_code == 200


async def test_money_is_promised_once(held: Held) -> None:
    model = await held.model(answers(completion("Hello.", usage(5, 10))))
    project = await held.project()
    key = await held.house.key(project)
    budget = await held.budget("50", project_id=project)
    got = await asyncio.gather(*(held.ask(key.value, model, max_tokens=10) for _ in range(40)))
    assert sum(answer.status_code == 200 for answer in got) == 5
    assert held.spent(budget) == 50 * DOLLAR
    assert held.outstanding == 0


async def test_a_stream_takes_slices_and_is_cut_at_the_end_of_the_money(held: Held) -> None:
    model = await held.model(streams_on([], pause=0.001))
    project = await held.project()
    key = await held.house.key(project)
    budget = await held.budget("200", project_id=project)
    answer = await held.ask(key.value, model, stream=True)
    *said, last = events(answer)
    assert last["error"]["code"] == "insufficient_quota"
    assert "[DONE]" not in said
    row = await held.row(answer)
    assert (row.outcome, row.estimated) == ("budget_spent", 1)
    assert 150 <= len(said) <= 200  # tokens of "word " each
    assert 150 * DOLLAR <= held.spent(budget) <= 200 * DOLLAR
    assert held.outstanding == 0


async def test_a_stream_within_its_declared_bound_is_not_touched(held: Held) -> None:
    words = [delta(f"word {i} ") for i in range(50)]
    model = await held.model(streams([*words, delta("", "stop"), last_chunk(usage(5, 150))]))
    project = await held.project()
    key = await held.house.key(project)
    budget = await held.budget("150", project_id=project)
    answer = await held.ask(key.value, model, stream=True, max_tokens=150)
    assert len(events(answer)) == 52
    assert events(answer)[-1] == "[DONE]"
    assert held.spent(budget) == 150 * DOLLAR


async def test_an_upstream_that_breaks_its_bound_is_stopped_within_a_slice(held: Held) -> None:
    model = await held.model(streams_on([], pause=0.001))
    project = await held.project()
    key = await held.house.key(project)
    budget = await held.budget("30", project_id=project)
    answer = await held.ask(key.value, model, stream=True, max_tokens=30)
    assert events(answer)[-1]["error"]["code"] == "insufficient_quota"
    assert held.spent(budget) <= (30 + SLICE) * DOLLAR


async def test_what_cannot_be_bounded_is_refused_under_a_budget_that_refuses_and_served_otherwise(held: Held) -> None:
    unpriced = held.upstream.model(answers(completion("Hello.", usage(5, 7))))
    priced = await held.model(answers(completion("Hello.", usage(5, 7))))
    project = await held.project()
    key = await held.house.key(project)
    assert (await held.ask(key.value, unpriced)).status_code == 200
    soft = await held.budget("1", project_id=project, at_end="alert", name="soft")
    assert (await held.ask(key.value, unpriced)).status_code == 200
    await held.budget("1000", project_id=project)
    for model in (unpriced, priced):  # one has no price, the other no known maximum
        status, code, message = error(await held.ask(key.value, model))
        assert (status, code) == (400, "cost_unbounded")
        assert "Alice's budget" in message
    assert (await held.ask(key.value, priced, max_tokens=10)).status_code == 200
    assert held.spent(soft) == 7 * DOLLAR


async def test_a_spent_budget_that_throttles_lets_calls_pass_at_its_pace(held: Held) -> None:
    model = await held.model(answers(completion("Hello.", usage(5, 7))))
    project = await held.project()
    key = await held.house.key(project)
    await held.budget("7", project_id=project, at_end="throttle", throttle_requests_per_minute=2)
    got = [(await held.ask(key.value, model, max_tokens=7)).status_code for _ in range(4)]
    assert got == [200, 200, 200, 429]
    refused = await held.ask(key.value, model, max_tokens=7)
    assert error(refused)[1] == "rate_limit_exceeded"
    assert "Alice's budget" in error(refused)[2]
    held.skip(int(refused.headers["retry-after-ms"]))
    assert (await held.ask(key.value, model, max_tokens=7)).status_code == 200
    assert held.outstanding == 0


async def test_an_increase_lets_calls_pass_again(held: Held) -> None:
    model = await held.model(answers(completion("Hello.", usage(5, 7))))
    project = await held.project()
    key = await held.house.key(project)
    budget = await held.budget("7", project_id=project)
    assert (await held.ask(key.value, model, max_tokens=7)).status_code == 200
    assert (await held.ask(key.value, model, max_tokens=7)).status_code == 429
    until = held.house.gateway.control.clock() + 3600
    await held.house.do(budgets.grant_increase, budget.id, "7", until)
    assert (await held.ask(key.value, model, max_tokens=7)).status_code == 200
    assert (await held.ask(key.value, model, max_tokens=7)).status_code == 429


async def test_a_budget_made_while_a_call_runs_counts_that_call(held: Held) -> None:
    go = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def waits(exchange: Exchange) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go.wait(), loop))
        await exchange.say(reply(completion("Hello.", usage(5, 7))))

    model = await held.model(waits)
    project = await held.project()
    key = await held.house.key(project)
    running = asyncio.ensure_future(held.ask(key.value, model, max_tokens=7))
    while not held.upstream.requests(model):
        await asyncio.sleep(0.01)
    budget = await held.budget("10", project_id=project)
    quick = await held.model(answers(completion("Hello.", usage(5, 2))))
    assert (await held.ask(key.value, quick, max_tokens=2)).status_code == 200
    go.set()
    assert (await running).status_code == 200
    assert held.spent(budget) == 9 * DOLLAR
    assert (await held.ask(key.value, quick, max_tokens=2)).status_code == 429


async def _drops(exchange: Exchange) -> None:
    exchange.close()


async def _drops_midway(exchange: Exchange) -> None:
    await streams([delta("one "), delta("two ")], done=False)(exchange)
    exchange.close()


ENDS = {
    "client gone": stays_silent,
    "client gone midway": streams_on([delta("one ")]),
    "revoked": streams_on([delta("one ")]),
    "upstream 500": answers(b'{"error":{"message":"no"}}', 500),
    "upstream dropped": _drops,
    "upstream dropped midway": _drops_midway,
    "upstream silent": stays_silent,
}


@pytest.mark.parametrize("how", ENDS)
async def test_a_call_that_ends_otherwise_leaves_no_reservation_and_costs_what_it_used(
    tmp_path: Path, how: str
) -> None:
    patience = 0.6 if how == "upstream silent" else 60.0
    async with held_house(tmp_path, budget_slice_tokens=SLICE, upstream_first_byte_timeout=patience) as held:
        model = await held.model(ENDS[how])
        quick = await held.model(answers(completion("Hello.", usage(5, 10))))
        project = await held.project()
        key, other = await held.house.key(project), await held.house.key(project)
        budget = await held.budget("100", project_id=project)
        streamed = "midway" in how or how == "revoked"
        asking = asyncio.ensure_future(held.ask(key.value, model, max_tokens=60, stream=streamed))
        if "client" in how or how == "revoked":
            while not held.upstream.requests(model):
                await asyncio.sleep(0.01)
            full = await held.ask(key.value, quick, max_tokens=60)
            assert error(full)[1] == "insufficient_quota"
            if "client" in how:
                asking.cancel()
            else:
                await held.house.do(keys.revoke, project, key.view.key.id)
        await asyncio.gather(asking, return_exceptions=True)
        await held.at_rest()
        spent = held.spent(budget)
        assert spent % DOLLAR == 0
        assert spent <= 60 * DOLLAR
        left = 100 - spent // DOLLAR
        # All that was not used is there for the next, and not a token more.
        assert error(await held.ask(other.value, quick, max_tokens=left + 1))[1] == "insufficient_quota"
        assert (await held.ask(other.value, quick, max_tokens=left)).status_code == 200
