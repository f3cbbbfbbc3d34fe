"""One call on its way through the gateway: what is known of it so far, and the row that it leaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.keyformat import redact_within
from keyhouse.domain.operations import Operation
from keyhouse.domain.usage import Outcome, RefusedCall, TokenUsage, UsageRow
from keyhouse.edge.allowance import Allowance
from keyhouse.edge.body import Inspected
from keyhouse.edge.exchange import Exchange, Header
from keyhouse.edge.hosted_tools import asked_for
from keyhouse.edge.idempotency import Recording
from keyhouse.edge.stream import EventStream
from keyhouse.ledger.intents import Intent
from keyhouse.ledger.pricing import Settlement
from keyhouse.policy.grants import Grant
from keyhouse.policy.keyring import Credential
from keyhouse.wire.errors import envelope

_MAX_CLIENT_ID = 512
CLIENT_CLOSED_REQUEST = 499
"""The status that the ledger keeps for a call whose client went away (nginx's name and number)."""


class Admitted(NamedTuple):
    """What the gate knows of a call that it has let pass. A call without a body has `NO_BODY`."""

    credential: Credential
    operation: Operation
    body: Inspected


NO_BODY = Inspected(b"", "", stream=False)


class Call:
    """The state of one call. Times are nanoseconds of the monotonic clock, but for `admitted_at_us`."""

    __slots__ = (
        "admitted_at_us",
        "allowance",
        "body",
        "credential",
        "cut_as",
        "error_code",
        "exchange",
        "first_byte_at",
        "grant",
        "model_answered",
        "operation",
        "outcome",
        "rate_headers",
        "recording",
        "request_id",
        "sent",
        "sent_at",
        "service_tier",
        "slot",
        "started_at",
        "status",
        "stream",
        "task",
        "texts",
        "upstream",
        "usage",
    )

    def __init__(self, exchange: Exchange, request_id: str, now_us: int) -> None:
        self.exchange = exchange
        self.request_id = request_id
        self.admitted_at_us = now_us
        self.started_at = time.perf_counter_ns()
        self.credential: Credential | None = None
        self.operation: Operation | None = None
        self.body: Inspected | None = None
        self.upstream: str | None = None
        self.slot: int | None = None
        self.sent = False
        """The upstream may have seen the request."""
        self.sent_at = self.first_byte_at = 0
        self.grant: Grant | None = None
        """What it holds until it is settled."""
        self.allowance: Allowance | None = None
        self.rate_headers: Callable[[], list[Header]] | None = None
        self.recording: Recording | None = None
        """Its answer, where a retry may ask for it again."""
        self.stream: EventStream | None = None
        self.status = 0
        self.outcome = Outcome.COMPLETED
        self.error_code: str | None = None
        self.usage: TokenUsage | None = None
        self.model_answered: str | None = None
        self.service_tier: str | None = None
        self.texts: list[str] = []
        """What the model wrote, where its tokens must be counted here."""
        self.cut_as: Outcome | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """The client's; "" where it cannot be known."""
        return self.exchange.address

    def hosted_tools(self) -> Iterator[tuple[HostedTool, str]]:
        """Those that its body asks for, each with the field that does."""
        return iter(()) if self.body is None else asked_for(self.body.body)

    def cut(self, outcome: Outcome) -> None:
        """Ends the call from outside, once: its client has gone, its key lost its access, or the gateway stops."""
        if self.cut_as is None and self.task is not None and not self.task.done():
            self.cut_as = outcome
            self.task.cancel()

    def client_gone(self) -> None:
        self.cut(Outcome.ABORTED)

    def fail(self, error: KeyhouseError, outcome: Outcome) -> Callable[[], None]:
        """Marks the call as failed; returns how its client is told."""
        self.outcome, self.error_code = outcome, error.code.code
        self.status = error.code.status
        return lambda: self.tell(error)

    def tell(self, error: KeyhouseError) -> None:
        """Tells the client why there is no answer, or no more of it. A stream gets a last event and no `[DONE]`."""
        exchange = self.exchange
        if exchange.done:
            return
        if not exchange.began:
            exchange.refuse(error, self.headers())
        elif self.stream is not None:
            exchange.finish(error_event(error))
        else:
            exchange.cut()

    def headers(self) -> list[Header]:
        """What every answer to an identified caller carries."""
        ms = (time.perf_counter_ns() - self.started_at) // 1_000_000
        headers = [(b"x-request-id", self.request_id.encode()), (b"openai-processing-ms", b"%d" % ms)]
        if self.credential is not None:
            headers += self.credential.response_headers
        if self.rate_headers is not None:
            headers += self.rate_headers()
        return headers

    @property
    def client_request_id(self) -> str | None:
        value = self.exchange.header(b"x-client-request-id")
        return value[:_MAX_CLIENT_ID].decode("latin-1") if value else None

    def intent(self, admitted: Admitted, input_tokens: int) -> Intent:
        """What survives a crash."""
        credential, operation, body = admitted
        key = credential.key
        return Intent(
            self.request_id,
            self.admitted_at_us,
            credential.organization_id,
            credential.project_id,
            key.user_id,
            key.service_account_id,
            credential.key_id,
            credential.public_id,
            self.client_request_id,
            operation.name,
            body.model,
            self.upstream,
            int(body.stream),
            input_tokens,
        )

    def row(self, admitted: Admitted, usage: TokenUsage, estimated: bool, settlement: Settlement) -> UsageRow:
        """The call's place in the ledger, once it is settled."""
        credential, operation, body = admitted
        key, cost = credential.key, settlement.cost
        return UsageRow(
            self.request_id,
            self.admitted_at_us,
            credential.organization_id,
            credential.project_id,
            key.user_id,
            key.service_account_id,
            credential.key_id,
            credential.public_id,
            self.client_request_id,
            operation.name,
            body.model or None,
            self.model_answered,
            self.upstream,
            int(body.stream),
            self.status,
            self.outcome.value,
            self.error_code,
            usage.input_tokens,
            usage.cached_tokens,
            usage.cache_write_tokens,
            usage.output_tokens,
            usage.reasoning_tokens,
            usage.input_audio_tokens,
            usage.output_audio_tokens,
            int(estimated),
            self.service_tier,
            settlement.pricing.value,
            settlement.price_id,
            None if cost is None else cost.total,
            None if cost is None else cost.input,
            None if cost is None else cost.cached_input,
            None if cost is None else cost.output,
            (self.sent_at - self.started_at) // 1000 if self.sent_at else 0,
            (self.first_byte_at - self.started_at) // 1000 if self.first_byte_at else None,
            (time.perf_counter_ns() - self.started_at) // 1000,
        )

    def refused(self, error: KeyhouseError) -> RefusedCall | None:
        """The entry in the log of refusals; None for a caller who is nobody's."""
        credential = self.credential
        if credential is None:
            return None
        return RefusedCall(
            self.request_id,
            self.admitted_at_us,
            credential.organization_id,
            credential.project_id or None,
            credential.key_id,
            self.operation.name if self.operation is not None else None,
            redact_within(self.body.model) if self.body is not None else None,
            error.code.status,
            error.code.code,
            error.message,
        )


def error_event(error: KeyhouseError) -> bytes:
    """The last event of a stream that failed: OpenAI's error object, which its SDKs raise as `APIError`."""
    return b"data: " + envelope(error) + b"\n\n"


def cut_error(outcome: Outcome) -> tuple[int, KeyhouseError]:
    """(status for the ledger, what the client is told) of a call that was cut from outside."""
    if outcome is Outcome.ABORTED:
        return CLIENT_CLOSED_REQUEST, KeyhouseError(ErrorCode.HEADERS_INVALID, "The client went away.")
    if outcome is Outcome.REVOKED:
        message = (
            "The API key lost its access while this call was running: it expired, was revoked or disabled, "
            "may no longer be used from this address, or its person may no longer have keys in the project."
        )
        return 401, KeyhouseError(ErrorCode.INVALID_API_KEY, message)
    return 503, KeyhouseError(ErrorCode.SERVER_STOPPING, "The server stopped while this call was running.")
