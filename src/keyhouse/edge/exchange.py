"""One request and its answer, as the call's walk sees them: a call in, bytes out, and no framework's types.

The protocol (`http1.py`) feeds the request in and carries the answer out. Whoever serves an exchange ends it exactly once: by
`reply`, by `finish` after `begin`, or by `cut`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Protocol

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.policy.client_certificates import Shown
from keyhouse.wire.errors import envelope, refusal_headers

Header = tuple[bytes, bytes]

BUFFERED_UNASKED = 256 << 10
"""Bytes of a body that are taken in before anybody asked for it; then reading stops until somebody does."""

_KNOWN_SIZES = 2048
_SIZES = [b"%x\r\n" % size for size in range(_KNOWN_SIZES)]
_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}


class Carrier(Protocol):
    """The connection, as an exchange sees it."""

    def send(self, data: bytes) -> None: ...
    async def drain(self) -> None:
        """Returns when the client has taken enough of what was sent; at once if it has gone."""
        ...

    def is_blocked(self) -> bool:
        """Whether the client has not yet taken enough of what was sent."""
        ...

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def shown(self) -> Shown | None:
        """The certificates that the client showed. A connection that was not asked for any ends with the answer under way."""
        ...

    def ended(self, exchange: Exchange, *, cut: bool) -> None: ...


class Exchange:
    """A request whose head has arrived. Header names are lower-case; `path` is the raw target without its query; `address` is the
    client's, "" where it cannot be known."""

    __slots__ = (
        "_body",
        "_body_asked_at",
        "_body_error",
        "_body_limit",
        "_body_waiter",
        "_carrier",
        "_chunked",
        "_send",
        "address",
        "began",
        "body_complete",
        "body_size",
        "content_length",
        "done",
        "expects_continue",
        "headers",
        "is_blocked",
        "keep_alive",
        "method",
        "on_gone",
        "path",
        "task",
        "version_1_0",
    )

    def __init__(self, carrier: Carrier, method: bytes, path: bytes, headers: list[Header], address: str) -> None:
        self._carrier = carrier
        self._send = carrier.send
        self.is_blocked = carrier.is_blocked
        self.method = method
        self.path = path
        self.headers = headers
        self.address = address
        self.content_length: int | None = None
        self.expects_continue = False
        self.keep_alive = True
        self.version_1_0 = False
        self.on_gone: Callable[[], None] | None = None
        """Called once if the client goes away before the exchange has ended."""
        self.task: asyncio.Task[None] | None = None
        """What serves it."""
        self.began = self.done = False
        self.body_complete = False
        self.body_size = 0
        self._body_asked_at = 0.0
        self._body: list[bytes] = []
        self._body_limit: int | None = None
        self._body_waiter: asyncio.Future[None] | None = None
        self._body_error: KeyhouseError | None = None
        self._chunked = False

    def header(self, name: bytes) -> bytes | None:
        """The value of a header that the protocol admits once only."""
        for candidate, value in self.headers:
            if candidate == name:
                return value
        return None

    def shown(self) -> Shown | None:
        """The certificates that the client showed on its connection; None: none."""
        return self._carrier.shown()

    # --- the request's body ---

    async def body(self, limit: int) -> bytes:
        """The whole body. Raises `body_too_large`, `body_too_slow`, or `headers_invalid` for broken framing."""
        if (self.content_length or 0) > limit or self.body_size > limit:
            raise _too_large(limit)
        if not self.body_complete and self._body_error is None:
            await self._receive(limit)
        if self._body_error is not None:
            raise self._body_error
        return self._body[0] if len(self._body) == 1 else b"".join(self._body)

    def waited_for_body(self, now: float) -> float:
        """For how many seconds somebody has been waiting for the body (0: nobody is)."""
        waiting = self._body_waiter is not None and not self._body_waiter.done()
        return now - self._body_asked_at if waiting else 0.0

    async def _receive(self, limit: int) -> None:
        loop = asyncio.get_running_loop()
        self._body_limit = limit
        self._body_waiter = loop.create_future()
        self._body_asked_at = loop.time()
        if self.expects_continue and not self._body:
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._carrier.resume_reading()
        await self._body_waiter

    def feed(self, data: bytes) -> None:
        """More of the body has arrived."""
        self.body_size += len(data)
        if self._body_error is not None or self.done:
            return
        self._body.append(data)
        if self._body_limit is None:
            if self.body_size > BUFFERED_UNASKED:
                self._carrier.pause_reading()
        elif self.body_size > self._body_limit:
            self.fail_body(_too_large(self._body_limit))

    def feed_end(self) -> None:
        """The body has arrived whole."""
        self.body_complete = True
        self._wake()

    def fail_body(self, error: KeyhouseError) -> None:
        """The body will not arrive: whoever waits for it gets the error."""
        self._body_error = error
        self._body.clear()
        self._wake()

    def _wake(self) -> None:
        if self._body_waiter is not None and not self._body_waiter.done():
            self._body_waiter.set_result(None)

    # --- the answer ---

    def reply(self, status: int, headers: Iterable[Header], body: bytes) -> None:
        """The whole answer at once."""
        self.began = True
        head = self._head(status, headers, b"content-length: %d\r\n" % len(body))
        self._send(head if self.method == b"HEAD" else head + body)
        self._end()

    def refuse(self, error: KeyhouseError, headers: Iterable[Header] = (), status: int | None = None) -> None:
        """The whole answer is a refusal, in OpenAI's error shape, with the error's own status unless another is given."""
        self.reply(status or error.code.status, [*headers, *refusal_headers(error)], envelope(error))

    def begin(self, status: int, headers: Iterable[Header]) -> None:
        """The head of an answer whose length is not known."""
        self.began = True
        self._chunked = not self.version_1_0
        if not self._chunked:
            self.keep_alive = False
        self._send(self._head(status, headers, b"transfer-encoding: chunked\r\n" if self._chunked else b""))

    def write(self, data: bytes) -> None:
        """More of the answer's body; not empty."""
        if self._chunked:
            size = len(data)
            data = b"".join((_SIZES[size] if size < _KNOWN_SIZES else b"%x\r\n" % size, data, b"\r\n"))
        self._send(data)

    async def drain(self) -> None:
        await self._carrier.drain()

    def finish(self, last: bytes = b"") -> None:
        """The end of an answer that was begun, with its last bytes."""
        if self._chunked:
            self._send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last) if last else b"0\r\n\r\n")
        elif last:
            self._send(last)
        self._end()

    def cut(self) -> None:
        """Ends the connection in the middle of an answer, so that the client sees that it is not whole."""
        if not self.done:
            self.done = True
            self.on_gone = None
            self._carrier.ended(self, cut=True)

    def gone(self) -> None:
        """The client went away."""
        self.done = True
        self.fail_body(KeyhouseError(ErrorCode.HEADERS_INVALID, "The client went away."))
        callback, self.on_gone = self.on_gone, None
        if callback is not None:
            callback()

    def _head(self, status: int, headers: Iterable[Header], framing: bytes) -> bytes:
        if not self.body_complete:
            self.keep_alive = False  # the rest of the request's body is not waited for
        parts = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
        parts += (framing, b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        return b"".join(parts)

    def _end(self) -> None:
        self.done = True
        self.on_gone = None
        self._carrier.ended(self, cut=False)


def _too_large(limit: int) -> KeyhouseError:
    return KeyhouseError(ErrorCode.BODY_TOO_LARGE, f"The request body is over the limit of {limit:,} bytes.")
