"""An upstream's answer on its way to the client: whole, or as a stream.

Both return how the call ends for its client; that is done when the call is settled.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.operations import Metering, Operation
from keyhouse.domain.usage import Outcome
from keyhouse.edge.call import Call, error_event
from keyhouse.edge.exchange import Header
from keyhouse.edge.stream import EventStream, EventTooLong
from keyhouse.edge.upstream_errors import told
from keyhouse.ledger.intents import Intents
from keyhouse.ledger.meter import Counted, is_json_object, read_counts, texts_in, tokens_of
from keyhouse.upstream.contract import Header as UpstreamHeader
from keyhouse.upstream.contract import Truncated, UpstreamError, UpstreamResponse

_PASSED = frozenset((b"content-type", b"openai-version", b"retry-after", b"retry-after-ms", b"x-should-retry"))
_EVENT_STREAM = b"text/event-stream"


async def relay_answer(
    call: Call, operation: Operation, response: UpstreamResponse, limit: int, upstream: str
) -> Callable[[], None]:
    """Reads the whole answer, counts it, and returns how to send it. Raises `upstream_error` for what no endpoint answers."""
    body = await _read(response, limit, upstream)
    status = response.status
    if 200 <= status < 300:
        _count(call, _understood(operation, response, body, upstream), body)
    elif status in {401, 403} or status < 400:
        raise _unfit(upstream, f"answered {status}, which is no caller's doing")
    else:
        call.outcome = Outcome.REJECTED if status < 500 else Outcome.UPSTREAM_FAILED
        call.error_code = f"upstream_{status}"
        if not is_json_object(body):
            return _told_instead(call, response, upstream)
    call.status = status
    headers = [*call.headers(), *_passed(response.headers)]
    if call.recording is not None:
        call.recording.whole(status, headers, body)
    return lambda: call.exchange.reply(status, headers, body)


async def relay_stream(
    call: Call,
    response: UpstreamResponse,
    *,
    usage_added: bool,
    slot: int,
    intents: Intents,
    upstream: str,
) -> Callable[[], None]:
    """Forwards events as they arrive, all but the end. An upstream that fails midway ends the stream with an error event, and so
    does the end of the call's money."""
    if not _content_type(response).startswith(_EVENT_STREAM):
        raise _unfit(upstream, "did not answer with the stream of events that was asked for")
    stream = EventStream(usage_asked_by_client=not usage_added)
    call.stream, call.status = stream, 200
    relaying = _Relaying(call, slot, stream, response, intents)
    try:
        ended = False
        while not (ended or relaying.over):
            ended = await response.hand_on(relaying.take)
            if relaying.looks:
                await relaying.look()
            elif not (ended or relaying.over):
                await call.exchange.drain()
    except UpstreamError as error:
        return _broken_off(call, told(error, upstream))
    finally:
        call.usage = stream.usage
        call.model_answered, call.service_tier = stream.model, stream.service_tier
    if relaying.spent:
        return _spent(call)
    if relaying.too_long:
        return _broken_off(call, _unfit(upstream, "sent an event that does not end"))
    stream.finish()
    if not stream.is_whole() and not _is_framed(response):
        return _broken_off(call, told(Truncated(), upstream))
    if stream.failed:
        call.outcome, call.error_code = Outcome.UPSTREAM_FAILED, "upstream_error_event"
    if not call.exchange.began:
        relaying.begin()
    if call.recording is not None:
        call.recording.add(stream.held)
    return lambda: call.exchange.finish(stream.held)


class _Relaying:
    """Forwards a stream's events in the very moment they arrive, while the client takes them."""

    __slots__ = (
        "_allowance",
        "_call",
        "_envelope",
        "_exchange",
        "_look_at",
        "_recording",
        "_relayed",
        "_response",
        "_slot",
        "_stream",
        "_unsent",
        "looks",
        "spent",
        "too_long",
    )

    def __init__(
        self,
        call: Call,
        slot: int,
        stream: EventStream,
        response: UpstreamResponse,
        intents: Intents,
    ) -> None:
        self._call = call
        self._exchange = call.exchange
        self._slot = slot
        self._stream = stream
        self._response = response
        self._recording = call.recording
        self._relayed = intents.relayed
        self._allowance = call.allowance
        self._envelope = 0
        self._look_at = sys.maxsize if call.allowance is None else call.allowance.look_at
        self._unsent = b""
        self.looks = False
        """Nothing more passes before `look` has been asked."""
        self.spent = False
        self.too_long = False

    @property
    def over(self) -> bool:
        return self._stream.done or self.too_long or self.spent

    def take(self, data: bytes) -> bool:
        """Forwards what may be forwarded; whether more is wanted now."""
        stream, exchange = self._stream, self._exchange
        try:
            passed = stream.feed(data)
        except EventTooLong:
            self.too_long = True
            return False
        if stream.size - stream.events * self._envelope > self._look_at:
            self._unsent, self.looks = passed, True
            return False
        if passed:
            if exchange.began and self._recording is None:
                exchange.write(passed)
                self._relayed(self._slot, stream.events, stream.content_bytes)
            else:
                self._pass(passed)
        return not (stream.done or exchange.is_blocked())

    async def look(self) -> None:
        """Asks whether what has arrived is paid for, and forwards it if so."""
        allowance = self._allowance
        if allowance is not None and not await allowance.look(self._stream):
            self.spent = True
            return
        self.looks = False
        if allowance is not None:
            self._envelope, self._look_at = allowance.envelope, allowance.look_at
        if self._unsent:
            self._pass(self._unsent)
            self._unsent = b""

    def _pass(self, data: bytes) -> None:
        if not self._exchange.began:
            self.begin()
        self._exchange.write(data)
        if self._recording is not None:
            self._recording.add(data)
        self._relayed(self._slot, self._stream.events, self._stream.content_bytes)

    def begin(self) -> None:
        headers = [*self._call.headers(), *_passed(self._response.headers)]
        self._exchange.begin(200, headers)
        if self._call.recording is not None:
            self._call.recording.begin(200, headers)


def _spent(call: Call) -> Callable[[], None]:
    message = "You exceeded your current quota: a budget has no room for the rest of this answer."
    error = KeyhouseError(ErrorCode.INSUFFICIENT_QUOTA, message, headers=[("x-should-retry", "false")])
    call.usage = None  # what was relayed is counted: the upstream was stopped before it could tell
    if not call.exchange.began:
        return call.fail(error, Outcome.BUDGET_SPENT)
    call.outcome, call.error_code = Outcome.BUDGET_SPENT, error.code.code
    return lambda: call.exchange.finish(error_event(error))


def _broken_off(call: Call, error: KeyhouseError) -> Callable[[], None]:
    call.outcome, call.error_code = Outcome.UPSTREAM_FAILED, error.code.code
    if not call.exchange.began:
        return call.fail(error, Outcome.UPSTREAM_FAILED)
    return lambda: call.exchange.finish(error_event(error))


async def _read(response: UpstreamResponse, limit: int, upstream: str) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while data := await response.read():
        pieces.append(data)
        size += len(data)
        if size > limit:
            raise _unfit(upstream, f"sent an answer of more than {limit:,} bytes")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _understood(operation: Operation, response: UpstreamResponse, body: bytes, upstream: str) -> Counted:
    """The counted part of an answer that has the shape of its endpoint's."""
    kind = _content_type(response)
    counted = read_counts(body) if kind.startswith(b"application/json") or not kind else None
    wanted = "data" if operation.metering is Metering.EMBEDDING else "choices"
    if counted is None or not counted.has(wanted):
        raise _unfit(upstream, f"sent what is no answer of {operation.path}")
    return counted


def _count(call: Call, counted: Counted, body: bytes) -> None:
    call.usage = tokens_of(counted)
    call.model_answered, call.service_tier = counted.model, counted.service_tier
    if call.usage is None:
        call.texts = texts_in(body)


def _told_instead(call: Call, response: UpstreamResponse, upstream: str) -> Callable[[], None]:
    """The upstream's status, with a sentence of ours where its body is no JSON (an HTML page of some proxy)."""
    call.status = status = response.status
    error = KeyhouseError(ErrorCode.UPSTREAM_ERROR, f"The upstream '{upstream}' answered {status} without saying why.")
    headers = [*call.headers(), *(h for h in _passed(response.headers) if h[0] != b"content-type")]
    return lambda: call.exchange.refuse(error, headers, status=status)


def _unfit(upstream: str, what: str) -> KeyhouseError:
    return KeyhouseError(ErrorCode.UPSTREAM_ERROR, f"The upstream '{upstream}' {what}.")


def _content_type(response: UpstreamResponse) -> bytes:
    for name, value in response.headers:
        if name == b"content-type":
            return value.lower()
    return b""


def _is_framed(response: UpstreamResponse) -> bool:
    """Whether the answer's end was told: one that ends with its connection looks the same whole and cut."""
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in response.headers)


def _passed(headers: list[UpstreamHeader]) -> list[Header]:
    return [header for header in headers if header[0] in _PASSED]
