"""The walk of a call: in, through the gate, upstream, back, and into the ledger.

    admit → route → grant → intent → send → relay while counting → settle → the last bytes

Whatever ends the call (an answer, an error, a client that goes away, a revoked key, a shutdown) passes the one `finally` in
`_through`: priced, its money settled, and its usage row durable before the last byte leaves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor

import structlog

from keyhouse.domain.errors import ErrorCode, KeyhouseError, shown
from keyhouse.domain.ids import RequestIds
from keyhouse.domain.operations import Metering, Operation
from keyhouse.domain.usage import Outcome, TokenUsage
from keyhouse.edge import body as bodies
from keyhouse.edge import idempotency, routes
from keyhouse.edge.answers import relay_answer, relay_stream
from keyhouse.edge.call import NO_BODY, Admitted, Call, cut_error
from keyhouse.edge.counters import Counters
from keyhouse.edge.exchange import Exchange
from keyhouse.edge.gate import Gate
from keyhouse.edge.inflight import Inflight
from keyhouse.edge.models import model_list, model_object
from keyhouse.edge.retention import unstored
from keyhouse.edge.upstream_errors import told
from keyhouse.ledger import estimate
from keyhouse.ledger.intents import Intents
from keyhouse.ledger.journal import Journal, LedgerUnavailable
from keyhouse.ledger.pricing import PriceBook, settle
from keyhouse.ledger.refusals import RefusalLog
from keyhouse.policy.admission import Knock, admit
from keyhouse.policy.authn import Authenticator, EndedKeyError
from keyhouse.policy.client_certificates import ClientTrust
from keyhouse.policy.idempotency import Idempotency, Replay
from keyhouse.policy.keyring import Credential
from keyhouse.upstream.contract import Header, Timeouts, Transport, UpstreamError, UpstreamRequest
from keyhouse.upstream.router import Router, Target

_log = structlog.get_logger(__name__)

_TO_UPSTREAM = (
    (b"content-type", b"application/json"),
    (b"accept-encoding", b"identity"),
    (b"accept", b"application/json, text/event-stream"),
)
_FORWARDED = (b"openai-beta", b"user-agent")
_NOTHING = TokenUsage()

EndedKey = Callable[[Credential, str], None]
"""Given the key and the address ("": unknown) of a call that is refused because the key's life is over."""

Last = Callable[[], None]
"""How a call ends for its client: sends what was held back until the call was settled."""


class Relay:
    """Serves the data plane's exchanges. `router` and `price_book` are replaced when control changes them."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        trust: ClientTrust,
        gate: Gate,
        router: Router,
        price_book: PriceBook,
        transport: Transport,
        journal: Journal,
        intents: Intents,
        refusals: RefusalLog,
        inflight: Inflight,
        idempotency: Idempotency,
        counters: Counters,
        estimator: Executor,
        timeouts: Timeouts,
        max_body_bytes: int,
        max_response_bytes: int,
        on_ended_key: EndedKey,
    ) -> None:
        self.router = router
        self.price_book = price_book
        self.gate = gate
        self._authenticator = authenticator
        self._trust = trust
        self._transport = transport
        self._journal = journal
        self._intents = intents
        self._refusals = refusals
        self._inflight = inflight
        self._idempotency = idempotency
        self._counters = counters
        self._estimator = estimator
        self._timeouts = timeouts
        self._max_body_bytes = max_body_bytes
        self._max_response_bytes = max_response_bytes
        self._on_ended_key = on_ended_key
        self._request_ids = RequestIds()

    async def serve(self, exchange: Exchange) -> None:
        """Answers one exchange; never raises."""
        now_us = time.time_ns() // 1000
        call = Call(exchange, self._request_ids.next(now_us), now_us)
        try:
            await self._walk(call)
        except KeyhouseError as error:
            self._refuse(call, error)
        except Exception:  # the edge's border: a fault of ours is a 500 outside, and a traceback in the log
            _log.exception("call failed", request_id=call.request_id)
            call.tell(
                KeyhouseError(ErrorCode.INTERNAL, f"The server had an error. Its log names it {call.request_id}.")
            )

    async def _walk(self, call: Call) -> None:
        now = call.admitted_at_us // 1_000_000
        credential, operation = await admit(self._knock(call), self._authenticator, self._trust, now)
        if not self._journal.available:
            message = "Usage cannot be recorded at the moment, so no call is served."
            raise KeyhouseError(ErrorCode.LEDGER_UNAVAILABLE, message)
        admitted = Admitted(credential, operation, call.body or NO_BODY)
        if operation.metering is Metering.FREE:
            last = self._answer_models(call, credential, operation)
            self._end(call, last, await self._settle(call, admitted, self.price_book))
        else:
            await self._once(call, admitted)

    async def _once(self, call: Call, admitted: Admitted) -> None:
        """Calls the model; but a retry with the same `Idempotency-Key` is answered from its first call."""
        target, price_book, credential = self._route(call, admitted), self.price_book, admitted.credential
        if call.recording is None:
            asked = await idempotency.asked(
                self._idempotency,
                call.exchange,
                credential,
                operation=admitted.operation.name,
                request_id=call.request_id,
                now=call.admitted_at_us // 1_000_000,
            )
            if isinstance(asked, Replay):
                if not self._authenticator.holds(credential):
                    await self._walk(call)
                    return
                await self._replay(call, admitted, asked, price_book)
                return
            call.recording = asked
        try:
            await self.gate.enter(call, admitted, price_book)
            if self._authenticator.holds(credential):
                await self._through(call, admitted, target, price_book)
                return
        finally:
            await self._let_go(call)
        # A claim or a balance was waited for, and the key was changed meanwhile: it is looked at again.
        await self._walk(call)

    async def _replay(self, call: Call, admitted: Admitted, first: Replay, price_book: PriceBook) -> None:
        call.outcome, call.status = Outcome.REPLAYED, first.answer.status
        recorded = await self._settle(call, admitted, price_book)
        self._end(call, lambda: idempotency.replay(call.exchange, call.headers(), first), recorded)

    async def _let_go(self, call: Call) -> None:
        """What a call took at the gate and came to no row, or no whole answer, is free for others."""
        await self.gate.release(call)
        if call.recording is not None:
            recording, call.recording = call.recording, None
            await recording.end(keep=False)

    def _knock(self, call: Call) -> Knock:
        exchange = call.exchange

        def identified(credential: Credential) -> None:
            call.credential = credential

        def operation() -> Operation:
            call.operation = routes.find(exchange.method, exchange.path)
            return call.operation

        async def model(operation: Operation) -> str | None:
            if operation.metering is Metering.FREE:
                return None
            raw = await exchange.body(self._max_body_bytes)
            body = bodies.inspect(raw, can_stream=operation.metering is not Metering.EMBEDDING)
            if call.credential is not None and call.credential.keeps_nothing:
                body = unstored(body)
            call.body = body
            return body.model

        return Knock(
            authorization=exchange.header(b"authorization"),
            organization=exchange.header(b"openai-organization"),
            project=exchange.header(b"openai-project"),
            address=exchange.address,
            identified=identified,
            operation=operation,
            model=model,
            tools=call.hosted_tools,
            shown=exchange.shown,
        )

    def _route(self, call: Call, admitted: Admitted) -> Target:
        credential, operation, body = admitted
        model = body.model
        target = self.router.route(model, credential.organization_id, credential.project_id)
        if target is None:
            message = f"The model '{shown(model)}' does not exist or you do not have access to it."
            raise KeyhouseError(ErrorCode.MODEL_NOT_FOUND, message, param="model")
        if target.paths is not None and operation.upstream_path not in target.paths:
            message = f"The model '{shown(model)}' does not answer {operation.path}."
            raise KeyhouseError(ErrorCode.INVALID_VALUE, message, param="model")
        call.upstream = target.name
        return target

    async def _through(self, call: Call, admitted: Admitted, target: Target, price_book: PriceBook) -> None:
        """From the intent to the last byte. The call can be cut from outside at any await until it is settled."""
        key_id = admitted.credential.key_id
        call.slot = slot = self._intents.begin(call.intent(admitted, estimate.guess_input(admitted.body.body)))
        self._inflight.add(key_id, call)
        call.task = call.exchange.task
        call.exchange.on_gone = call.client_gone
        if call.exchange.done:
            call.client_gone()
        last: Last | None = None
        try:
            last = await self._exchange_with(call, admitted, slot, target)
        except KeyhouseError as error:
            last = call.fail(error, Outcome.UPSTREAM_FAILED)
        except UpstreamError as error:
            last = call.fail(told(error, target.name), Outcome.UPSTREAM_FAILED)
        except asyncio.CancelledError:
            last = self._cut(call)
        finally:
            if last is None:  # a fault of ours: the row must not say that all went well
                call.fail(KeyhouseError(ErrorCode.INTERNAL, "The server had an error."), Outcome.INTERRUPTED)
            call.exchange.on_gone = None
            self._inflight.discard(key_id, call)
            recorded = await self._settle(call, admitted, price_book)
        if call.recording is not None:
            # The call's own credential: the data retention may have changed while it ran.
            forget = call.credential is None or call.credential.keeps_nothing
            await call.recording.end(keep=recorded and call.outcome is Outcome.COMPLETED, forget=forget)
        if last is not None:
            self._end(call, last, recorded)

    async def _exchange_with(self, call: Call, admitted: Admitted, slot: int, target: Target) -> Last:
        _, operation, body = admitted
        endpoint = await target.endpoint()
        call.sent_at = time.perf_counter_ns()
        call.sent = True
        try:
            response = await self._transport.send(
                endpoint.origin,
                UpstreamRequest(
                    "POST",
                    operation.upstream_path,
                    (*_TO_UPSTREAM, *endpoint.headers, *_forwarded(call.exchange)),
                    body.body,
                    None,
                    self._timeouts,
                ),
            )
        except UpstreamError as error:
            call.sent = error.sent
            raise
        call.first_byte_at = time.perf_counter_ns()
        try:
            if body.stream and response.status == 200:
                return await relay_stream(
                    call,
                    response,
                    usage_added=body.usage_added,
                    slot=slot,
                    intents=self._intents,
                    upstream=target.name,
                )
            return await relay_answer(call, operation, response, self._max_response_bytes, target.name)
        finally:
            response.close()

    def _cut(self, call: Call) -> Last:
        """The call was cancelled: by `Call.cut`, or because the server stops."""
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        call.outcome = call.cut_as or Outcome.INTERRUPTED
        call.status, error = cut_error(call.outcome)
        call.error_code = error.code.code if call.outcome is not Outcome.ABORTED else None
        return lambda: call.tell(error)

    def _answer_models(self, call: Call, credential: Credential, operation: Operation) -> Last:
        models = self.router.models(credential.organization_id, credential.project_id)
        wanted = routes.identifier(operation, call.exchange.path) if "{" in operation.path else None
        body = model_list(models, credential) if wanted is None else model_object(models, credential, wanted)
        call.status = 200
        headers = [*call.headers(), (b"content-type", b"application/json")]
        return lambda: call.exchange.reply(200, headers, body)

    async def _settle(self, call: Call, admitted: Admitted, price_book: PriceBook) -> bool:
        """Prices the call by the prices of its admission and makes its row durable; False if that could not be done."""
        usage, estimated = call.usage, False
        if usage is None:
            usage, estimated = await self._count(call, admitted)
        asked = admitted.body.model or None
        settlement = settle(price_book, asked, call.model_answered, call.admitted_at_us // 1_000_000, usage)
        self._counters.settled(admitted.operation, call.outcome, call.status)
        durable = self._journal.append(call.row(admitted, usage, estimated, settlement), call.slot)
        # The row is in the ledger's hands, and no await lies between: a balance that is opened counts it once.
        await self.gate.settle(call, usage, 0 if settlement.cost is None else settlement.cost.total)
        try:
            await durable
        except LedgerUnavailable:
            return False
        return True

    async def _count(self, call: Call, admitted: Admitted) -> tuple[TokenUsage, bool]:
        """The tokens of a call whose upstream reported none: nothing where nothing was consumed."""
        _, operation, body = admitted
        consumed = call.sent and call.outcome not in {Outcome.REJECTED, Outcome.UPSTREAM_FAILED}
        relayed = call.stream is not None and call.stream.events > 0
        if not (consumed or relayed):
            return _NOTHING, False
        texts = call.stream.texts() if call.stream is not None else call.texts
        loop = asyncio.get_running_loop()
        usage = await loop.run_in_executor(
            self._estimator, estimate.count, operation.metering, body.model, body.body, texts
        )
        if call.outcome is Outcome.BUDGET_SPENT and call.allowance is not None:
            # The piece that was not paid for was not relayed either.
            usage.output_tokens = min(usage.output_tokens, call.allowance.paid)
        return usage, True

    def _end(self, call: Call, last: Last, recorded: bool) -> None:
        if call.exchange.done:
            return
        if recorded:
            last()
            return
        call.tell(KeyhouseError(ErrorCode.LEDGER_UNAVAILABLE, "The usage of this call could not be recorded."))

    def _refuse(self, call: Call, error: KeyhouseError) -> None:
        if isinstance(error, EndedKeyError):
            self._on_ended_key(error.credential, call.exchange.address)
        entry = call.refused(error)
        if entry is None:
            self._counters.refused(error.code)
        else:
            self._counters.refused_known(error.code)
            self._refusals.note(entry)
        if not call.exchange.done:
            call.exchange.refuse(error, call.headers())


def _forwarded(exchange: Exchange) -> list[Header]:
    return [header for header in exchange.headers if header[0] in _FORWARDED]
