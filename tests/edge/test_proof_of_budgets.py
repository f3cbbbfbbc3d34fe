"""The proofs of budgets, in slices; whole with --long: streams against budgets, and calls cancelled at every await."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from keyhouse.domain.budgets import Budget
from keyhouse.edge.exchange import Exchange as EdgeExchange
from tests.e2e.upstream import Behaviour, Exchange, answers, completion, delta, last_chunk, streams, usage
from tests.edge.held import DOLLAR, Held, events, held_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
SLICE = 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def held(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Held]:
    async with held_house(tmp_path_factory.mktemp("house"), budget_slice_tokens=SLICE) as held:
        yield held


# --- streams against budgets ---


def talks(rng: random.Random, report: str) -> Behaviour:
    """A stream of one-token words, up to its caller's bound if there is one, whose upstream reports its usage in some way."""

    async def behave(exchange: Exchange) -> None:
        asked = httpx.Response(200, content=exchange.request.body).json()
        words = rng.randint(1, asked.get("max_tokens", 120))
        if report == "breaks the bound":
            words = asked.get("max_tokens", 100) + rng.randint(1, 4 * SLICE)
        told = words + (rng.randint(1, SLICE) if report == "more" else 0)
        said = [delta("word ") for _ in range(words)]
        reports = {"nothing": [], "twice": [last_chunk(usage(5, told))] * 2, "late": [delta("", "stop")]}
        tail = reports.get(report, [last_chunk(usage(5, told))])
        await streams([*said, *tail], pause=0.0005)(exchange)

    return behave


async def test_streams_never_pass_their_budgets_but_by_what_an_upstream_breaks(
    held: Held, request: pytest.FixtureRequest
) -> None:
    how_many, of_budgets = (500, 200) if request.config.getoption("--long") else (100, 40)
    rng = random.Random(85850)  # noqa: S311
    kinds = ("honest", "nothing", "late", "twice", "more", "breaks the bound")
    models = {kind: await held.model(talks(rng, kind)) for kind in kinds}
    projects, scoped = await _budgeted_projects(held, rng, of_budgets)
    asked = []
    for number in range(how_many):
        key, _ = rng.choice(projects)
        kind = rng.choice(kinds)
        bound = {"max_tokens": rng.randint(5, 80)} if rng.random() < 0.5 and kind != "more" else {}
        asked.append((number, kind, bound, asyncio.ensure_future(held.ask(key, models[kind], stream=True, **bound))))
    got = Counter[str]()
    for _, kind, _, answer in asked:
        got[f"{kind} {_ended(await answer)}"] += 1
    await held.at_rest()
    assert sum(got.values()) == how_many
    broken = {project: 0 for _, project in projects}
    for row in held.house.rows():
        if row.model_asked in {models["more"], models["breaks the bound"]} and row.project_id in broken:
            broken[row.project_id] += 1
    for project, budgets in scoped.items():
        for budget in budgets:
            over = held.spent(budget) - budget.amount_nanos
            assert over <= broken[project] * SLICE * DOLLAR, (project, over / DOLLAR, broken[project])
    assert any("whole" in how for how in got)
    assert any("cut" in how for how in got)


async def _budgeted_projects(
    held: Held, rng: random.Random, how_many: int
) -> tuple[list[tuple[str, str]], dict[str, list[Budget]]]:
    projects, scoped = [], {}
    for _ in range(how_many // 2):
        project = await held.project()
        key = await held.house.key(project)
        projects.append((key.value, project))
        scoped[project] = [
            await held.budget(str(rng.randint(50, 500)), project_id=project),
            await held.budget(str(rng.randint(50, 500)), key_id=key.view.key.id),
        ]
    return projects, scoped


def _ended(answer: httpx.Response) -> str:
    if answer.status_code != 200:
        assert answer.json()["error"]["code"] == "insufficient_quota"
        return "refused"
    last = events(answer)[-1]
    return "whole" if last == "[DONE]" else f"cut {last['error']['code']}"


# --- cancelled at every await ---

Serve = Callable[[EdgeExchange], Awaitable[None]]


class CutAt:
    """Serves an exchange and throws a cancellation into it where it waits for the `at`-th time; `waits` counts them."""

    def __init__(self, serve: Serve, exchange: EdgeExchange, at: int) -> None:
        self._serving = serve(exchange).__await__()
        self._at = at
        self.waits = 0

    def __await__(self) -> Generator[Any, Any, None]:
        step: Callable[[], Any] = lambda: self._serving.send(None)  # noqa: E731
        while True:
            try:
                waited_for = step()
            except StopIteration:
                return
            self.waits += 1
            if self.waits == self._at:
                waited_for._asyncio_future_blocking = False
                step = lambda: self._serving.throw(asyncio.CancelledError())  # noqa: E731
                continue
            try:
                yield waited_for
                step = lambda: self._serving.send(None)  # noqa: E731
            except BaseException as thrown:  # passed on, as the task would
                step = lambda thrown=thrown: self._serving.throw(thrown)  # type: ignore[misc]  # noqa: E731


async def test_calls_cancelled_at_every_await_hold_nothing_and_refuse_nobody(
    held: Held, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancels = 10_000 if request.config.getoption("--long") else 150
    plain = await held.model(answers(completion("Hello.", usage(5, 7))))
    stream = await held.model(streams([*(delta("word ") for _ in range(60)), last_chunk(usage(5, 60))], pause=0.001))
    project = await held.project()
    key = await held.house.key(project, rate_limits={"max_requests_per_1_minute": 1_000_000})
    budget = await held.budget("1000000", project_id=project)
    lobby = held.house.gateway.lobby
    serve = lobby.serve
    cut = Counter[int]()
    numbers = itertools.count()

    async def cutting(exchange: EdgeExchange) -> None:
        at = next(numbers) % 24 + 1
        cutter = CutAt(serve, exchange, at)
        try:
            await cutter
        except asyncio.CancelledError:
            exchange.cut()
        if cutter.waits >= at:
            cut[at] += 1

    monkeypatch.setattr(lobby, "serve", cutting)
    while cut.total() < cancels:
        calls = []
        for _ in range(64):
            model = random.choice((plain, stream))  # noqa: S311
            more = {"max_tokens": 90} if random.random() < 0.5 or model is plain else {}  # noqa: S311
            calls.append(held.ask(key.value, model, stream=model is stream, **more))
        for answer in await asyncio.gather(*calls, return_exceptions=True):
            # Money and places are there for everybody: whoever was not cut was served.
            if not isinstance(answer, httpx.HTTPError):
                assert isinstance(answer, httpx.Response), answer
                assert answer.status_code in {200, 503}, answer.text
    monkeypatch.undo()
    await held.at_rest()
    assert len(cut) >= 6, f"cut only at {sorted(cut)}"
    assert held.spent(budget) > 0
    assert (await held.ask(key.value, plain, max_tokens=10)).status_code == 200
