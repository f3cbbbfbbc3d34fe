"""A house whose calls are held to something: one upstream, priced models, a clock for its rate limits, and how to ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from keyhouse.control import budgets, limits, prices, projects
from keyhouse.control.budget_fields import BudgetFields
from keyhouse.control.limit_fields import LimitFields
from keyhouse.control.prices import DollarRates
from keyhouse.domain.budgets import Budget
from keyhouse.domain.usage import UsageRow
from keyhouse.ledger.rollup import catch_up
from keyhouse.policy import windows
from tests.e2e.upstream import Behaviour, FakeUpstream
from tests.houses import RunningHouse, running_house

PER_MILLION = "1000000"
"""US dollars for a million tokens: a dollar a token, so that sums are read at a glance."""
DOLLAR = 1_000_000_000


@dataclass
class Held:
    """`skip` moves the clock of the rate limits, and of nothing else."""

    house: RunningHouse
    upstream: FakeUpstream
    client: httpx.AsyncClient
    skipped_ms: list[int] = field(default_factory=lambda: [0])

    def skip(self, milliseconds: int) -> None:
        self.skipped_ms[0] += milliseconds

    async def model(self, behaviour: Behaviour, *, input: str = "0", output: str = PER_MILLION) -> str:  # noqa: A002
        """A model that behaves so, priced: input costs nothing unless said otherwise, output a dollar a token."""
        name = self.upstream.model(behaviour)
        await self.house.do(prices.set_price, name, DollarRates(input, output))
        return name

    async def project(self) -> str:
        project = await self.house.do(projects.create, "Alice's project")
        return str(project.id)

    async def limit(self, model: str, project_id: str | None, **numbers: int) -> None:
        await self.house.do(limits.set_model, project_id, model, LimitFields(**numbers))

    async def budget(
        self, amount: str, *, project_id: str | None = None, key_id: str | None = None, **more: Any
    ) -> Budget:
        fields = {"name": "Alice's budget", "amount": amount, "interval": "month", **more}
        budget: Budget = await self.house.do(
            budgets.create, BudgetFields(**fields), project_id=project_id, key_id=key_id
        )
        return budget

    async def ask(self, value: str, model: str, **more: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}
        return await self.client.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {value}"})

    async def row(self, answer: httpx.Response) -> UsageRow:
        found = self.house.opened.store.ledger.get(answer.headers["x-request-id"])
        assert found is not None
        return found.row

    async def at_rest(self) -> None:
        """Returns when nothing is reserved any more, within a second, and every settled row is in the ledger."""
        for _ in range(100):
            if self.outstanding == 0:
                await self.house.gateway._journal.in_turn(lambda: 0)
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{self.outstanding} reservations are left")

    @property
    def outstanding(self) -> int:
        return self.house.gateway._grants.reservations.outstanding

    def spent(self, budget: Budget) -> int:
        """What the ledger keeps for the budget; it must be what its rows cost."""
        store = self.house.opened.store
        catch_up(store)
        costs = [
            row.cost_nanos or 0
            for row in self.house.rows()
            if budget.scope_id in {row.organization_id, row.project_id, row.key_id}
        ]
        balances = store.ledger.balances([budget.id])
        if not balances and not costs:
            return 0  # no call has come to it
        [balance] = balances
        assert balance.spent_nanos == sum(costs)
        standing = self.house.gateway._grants.reservations.standing(budget, balance.period_start)
        assert standing is None or standing[0] == balance.spent_nanos
        return balance.spent_nanos


@asynccontextmanager
async def held_house(folder: Path, **settings: Any) -> AsyncIterator[Held]:
    upstream = FakeUpstream()
    upstream.start()
    skipped = [0]
    clock = windows.monotonic_ms
    try:
        async with running_house(folder, **settings) as house:
            await house.upstream(upstream.port, "fake-*")
            counters: Any = house.gateway._grants.counters
            counters._clock_ms = lambda: clock() + skipped[0]
            pool = httpx.Limits(max_connections=600)
            base = f"http://127.0.0.1:{house.port}"
            async with httpx.AsyncClient(
                base_url=base, timeout=60, trust_env=False, verify=False, limits=pool
            ) as client:
                yield Held(house, upstream, client, skipped)
    finally:
        upstream.stop()


def events(answer: httpx.Response) -> list[Any]:
    """The payloads of a stream; `[DONE]` as it is."""
    payloads = [event.removeprefix("data: ") for event in answer.text.split("\n\n") if event]
    return [payload if payload == "[DONE]" else json.loads(payload) for payload in payloads]


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """(status, code, sentence)."""
    told = answer.json()["error"]
    return answer.status_code, told["code"], told["message"]
