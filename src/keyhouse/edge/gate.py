"""A call's limits and money, from the gate to its settlement: what it asks, what it is given, and how far its stream may go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial

from keyhouse.domain.limits import Amounts, RateLimit
from keyhouse.domain.usage import TokenUsage
from keyhouse.edge.allowance import Allowance
from keyhouse.edge.call import Admitted, Call
from keyhouse.edge.exchange import Header
from keyhouse.ledger import tokenizer
from keyhouse.ledger.bounds import Bound, Request, bound, estimated_tokens
from keyhouse.ledger.context_windows import ContextWindows
from keyhouse.ledger.pricing import PriceBook
from keyhouse.policy.grants import NOTHING_ASKED, Demand, Grants
from keyhouse.wire.rate_headers import rate_headers


class Gate:
    """`grants` has what is set; a stream that declares no bound of its output pays for `slice_tokens` at a time."""

    def __init__(
        self, grants: Grants, windows: Callable[[], ContextWindows], slice_tokens: int, estimator: Executor
    ) -> None:
        self.grants = grants
        self._windows = windows
        self._slice_tokens = slice_tokens
        self._estimator = estimator

    async def enter(self, call: Call, admitted: Admitted, price_book: PriceBook) -> None:
        """Takes the call's rate limits and reserves its money, or raises 429 (400 where a budget needs a bound)."""
        credential, operation, body = admitted
        now = call.admitted_at_us // 1_000_000
        held = self.grants.held(credential, body.model, now)
        asked = NOTHING_ASKED
        if held.limits or held.budgets:
            request = Request.of(operation, body.model, body.body, body.stream, body.declared)
            amounts, nanos, unbounded = NOTHING_ASKED
            if held.limits:
                call.rate_headers = partial(self._rate_headers, held.limits)
                amounts = Amounts(1, estimated_tokens(request))
            if held.budgets:
                most = bound(price_book, self._windows(), request, now)
                tokens = self._reserved(most, stream=body.stream)
                nanos, unbounded = most.input_nanos + most.output_nanos(tokens), most.unbounded
                if body.stream and held.is_capped:
                    call.allowance = self._allowance(call, most, tokens, body.model)
            asked = Demand(amounts, nanos, unbounded)
        call.grant = await self.grants.grant(body.model, held, asked, now)

    async def settle(self, call: Call, usage: TokenUsage, cost_nanos: int) -> None:
        """The call's row is in the ledger's hands. Idempotent."""
        if call.grant is not None:
            grant, call.grant = call.grant, None
            await self.grants.settle(grant, Amounts(tokens=usage.input_tokens + usage.output_tokens), cost_nanos)

    async def release(self, call: Call) -> None:
        """Lets go of what a call holds that came to no row. Idempotent."""
        if call.grant is not None:
            grant, call.grant = call.grant, None
            await self.grants.give_back(grant)

    def _reserved(self, most: Bound, *, stream: bool) -> int:
        """Output that is reserved at admission, in tokens: all that the caller declared; a slice of a stream that declared none;
        else the most that the model can make."""
        if most.output_tokens is not None:
            return most.output_tokens
        if stream:
            return min(self._slice_tokens, most.max_output_tokens or self._slice_tokens)
        return most.max_output_tokens or 0

    def _allowance(self, call: Call, most: Bound, tokens: int, model: str) -> Allowance:
        slack = 0 if most.output_tokens is None else self._slice_tokens
        slice_nanos = most.output_nanos(self._slice_tokens)

        async def take_slice() -> bool:
            grant = call.grant
            return grant is not None and await self.grants.reservations.extend(grant.reservation, slice_nanos)

        async def count(text: str) -> int:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._estimator, tokenizer.count_text, model, text)

        return Allowance(tokens, slack, self._slice_tokens, take_slice, count)

    def _rate_headers(self, limits: Sequence[RateLimit]) -> list[Header]:
        headers: list[Header] = []
        for what, limit, remaining, reset_ms in self.grants.counters.shown(limits):
            headers += rate_headers(what, limit, remaining, reset_ms)
        return headers
