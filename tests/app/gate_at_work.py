"""A gateway's own parts on a real house, without HTTP: its clocks are in the test's hand, and it can be restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from unittest.mock import patch

from keyhouse.app.gateway import Gateway, recovered_intents
from keyhouse.app.house import Opened
from keyhouse.control.context import Caller, Control
from keyhouse.domain.limits import Amounts
from keyhouse.domain.usage import UsageRow
from keyhouse.policy.grants import Demand, Grant
from keyhouse.policy.keyring import Credential
from keyhouse.policy.windows import WindowCounters
from keyhouse.settings import Settings
from keyhouse.store.sqlite import open_sqlite
from tests.control.houses import control_of, open_house
from tests.ledger.makers import make_row

T = TypeVar("T")
P = ParamSpec("P")


class GateAtWork:
    """`now_ms` is the counters' clock, `house.clock` the wall's. For a loop that does not run between two verbs."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.house = open_house(folder)
        self.now_ms = 7_654_321
        self.queued: list[asyncio.Future[None]] = []
        self._store = self.house.store
        self._rows = 0
        self._build()

    @property
    def now(self) -> int:
        return self.house.clock.now

    def do(self, verb: Callable[Concatenate[Control, Caller, P], T], *args: P.args, **named: P.kwargs) -> T:
        """A use case of control. When it returns, the gate obeys."""
        return verb(self.control, self.house.caller, *args, **named)

    def authenticate(self, value: str) -> Credential:
        """Raises 401."""
        waiting = self.gateway._authenticator.authenticate(b"Bearer " + value.encode(), self.now)
        return self.run(waiting)

    def grant(self, credential: Credential, model: str, asked: Demand) -> Grant:
        """Raises 429 and 400."""
        held = self.grants.held(credential, model, self.now)
        return self.run(self.grants.grant(model, held, asked, self.now))

    def settle(
        self, grant: Grant, credential: Credential, *, model: str, at: int, tokens: int, cost: int | None
    ) -> None:
        """As the relay ends a call: nothing is awaited between the row and the settling."""
        self._rows += 1
        row = _row(f"req_{self._rows}", credential, model=model, at=at, tokens=tokens, cost=cost)

        async def end() -> None:
            self.queued.append(self.gateway._journal.append(row))
            await self.grants.settle(grant, Amounts(tokens=tokens), cost or 0)

        self.run(end())

    def give_back(self, grant: Grant) -> None:
        self.run(self.grants.give_back(grant))

    def drain(self) -> None:
        """Until every row is durable."""
        if self.queued:
            self.run(_all(self.queued))
            self.queued.clear()

    def balances(self) -> list[tuple[str, int, int, int]]:
        """(scope, period's start, its end, spent) of every balance that the ledger keeps."""
        return [(b.scope_id, b.period_start, b.period_end, b.spent_nanos) for b in self._store.ledger.balances()]

    def restart(self) -> None:
        """Ends what runs and opens the same directory anew."""
        self.close()
        self._store = open_sqlite(self.house.folder)
        self._build()

    def close(self) -> None:
        self.run(self.gateway._journal.close())
        self.run(self.gateway._transport.aclose())
        self.queued.clear()
        for pool in (self.gateway._reads, self.gateway._claims, self.gateway._estimator):
            pool.shutdown()
        self.gateway._refusals.close()
        self.gateway._intents.close()
        self._store.close()

    def run(self, waiting: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(waiting)

    def _build(self) -> None:
        known = control_of(self.house.folder, self._store, self.house.clock, [])
        settings = Settings(data=self.house.folder, local_model=False)
        opened = Opened(settings, self._store, known.peppers, known.sealer, known)
        counters = partial(WindowCounters, lambda: self.now_ms)

        async def build() -> Gateway:
            return Gateway(settings, opened, recovered_intents(settings.data, opened), None)

        with patch("keyhouse.app.gateway.WindowCounters", counters):
            self.gateway = self.run(build())
        self.gateway._take_up()
        self.grants = self.gateway._grants
        self.control = Control(
            self._store, self.house.clock, known.peppers, known.sealer, self._announce, lambda *_: []
        )

    def _announce(self, seq: int) -> None:
        self.run(self.gateway._follower.through(seq))


async def _all(queued: list[asyncio.Future[None]]) -> None:
    await asyncio.gather(*queued)


def _row(request_id: str, by: Credential, *, model: str, at: int, tokens: int, cost: int | None) -> UsageRow:
    parts = (None, None, None) if cost is None else (cost - cost // 2, 0, cost // 2)
    return make_row(request_id)._replace(
        admitted_at_us=at * 1_000_000 + 999_999,
        organization_id=by.organization_id,
        project_id=by.project_id,
        key_id=by.key_id,
        public_id=by.public_id,
        model_asked=model,
        input_tokens=tokens,
        output_tokens=0,
        pricing="unpriced" if cost is None else "priced",
        cost_nanos=cost,
        cost_input_nanos=parts[0],
        cost_cached_nanos=parts[1],
        cost_output_nanos=parts[2],
    )
