"""One connection to an origin, carrying one exchange at a time.

    dialled ──▶ idle ⇄ busy
                  └──────┴──▶ closed

Bytes that arrive while idle close it (promise 6), and so does cancelling a wait (promise 1). What ends an exchange
early is kept in `failure`, to be raised after the body that had arrived before it. Closing is always an abort: once
an exchange has ended, nothing that is still buffered is worth sending.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable
from typing import cast

from keyhouse.upstream.contract import (
    Dropped,
    FirstByteTimeout,
    IdleTimeout,
    ProtocolViolation,
    Truncated,
    UpstreamError,
    UpstreamRequest,
)
from keyhouse.upstream.http.burst import Burst
from keyhouse.upstream.http.deadline import Deadline
from keyhouse.upstream.http.parser import MalformedResponse, ResponseParser
from keyhouse.upstream.http.upload import upload

_JOINED_BYTES = 64 * 1024
"""Up to this size a body leaves in one write with its head."""
_BUFFERED_BYTES = 256 * 1024
"""Received and not yet read; above it the socket is left alone, so that the upstream feels the backpressure."""
_TRUSTED_IDLE_SECONDS = 0.5
"""A connection idle for longer is asked whether something has arrived that the loop has not seen yet."""


class Connection(asyncio.Protocol):
    """Made by the pool, as the protocol of a connection that is being dialled."""

    __slots__ = (
        "_buffered",
        "_burst",
        "_deadline",
        "_deadline_error",
        "_deadline_seconds",
        "_drained",
        "_idle_since",
        "_loop",
        "_on_closed",
        "_on_free",
        "_peer",
        "_reading_paused",
        "_take",
        "_transport",
        "_unsent",
        "_uploading",
        "_waiter",
        "_writing_paused",
        "busy",
        "closed",
        "failure",
        "parser",
    )

    def __init__(
        self,
        peer: str,
        max_head_bytes: int,
        burst: Burst,
        on_free: Callable[[Connection], None],
        on_closed: Callable[[Connection], None],
    ) -> None:
        """`on_free`: an exchange has left it clean. `on_closed`: called once, whatever closed it."""
        self._loop = asyncio.get_running_loop()
        self._peer = peer
        self._burst = burst
        self._on_free = on_free
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None
        self.parser = ResponseParser(max_head_bytes)
        self.busy = False
        self.closed = False
        self.failure: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._take: Callable[[bytes], bool] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._unsent = b""
        self._buffered = 0
        self._reading_paused = False
        self._writing_paused = False
        self._uploading = False
        self._idle_since = 0.0
        self._deadline = Deadline(self._loop, self._deadline_passed)
        self._deadline_error: type[UpstreamError] | None = None
        self._deadline_seconds = 0.0

    # An exchange, from its start to its end.

    async def exchange(self, head: bytes, request: UpstreamRequest) -> None:
        """Sends the request and waits for the response head. Raises `UpstreamError`, or what the upload raised."""
        self.busy = True
        self.failure = None
        self._buffered = 0
        self.parser.expect(head_only=request.method == "HEAD")
        body = request.body
        if isinstance(body, bytes) and len(body) <= _JOINED_BYTES:
            self._unsent = head + body if body else head
            self._burst.add(self)
            self._expect_within(request.timeouts.first_byte, FirstByteTimeout)
            await self._wait_for_head()
        else:
            await self._exchange_streaming(head, request)

    def send_unsent(self) -> None:
        """The end of the turn in which the request was made; nothing is sent if the exchange was given up meanwhile."""
        data, self._unsent = self._unsent, b""
        if self._transport is not None and not self.closed:
            self._transport.write(data)

    async def wait_for_body(self, idle_seconds: float) -> None:
        """Until there is body to take, or its end, or `failure`."""
        parser = self.parser
        while not parser.pieces and not parser.complete and self.failure is None:
            self._expect_within(idle_seconds, IdleTimeout)
            await self._wait()
        self._deadline.clear()

    async def hand_on(self, take: Callable[[bytes], bool], idle_seconds: float) -> None:
        """Gives `take` the body as it arrives, until it returns False, the body is at its end, or `failure`."""
        self._take = take
        try:
            # Also after a wait: what arrived together with a fault has not been handed on by `data_received`.
            while self._deliver() and not self.is_over():
                self._expect_within(idle_seconds, IdleTimeout)
                await self._wait()
        finally:
            self._take = None
            self._deadline.clear()

    def is_over(self) -> bool:
        """Whether nothing more will come of the body, and nothing is left to take."""
        return not self.parser.pieces and (self.parser.complete or self.failure is not None)

    def take_body(self) -> bytes:
        pieces = self.parser.pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._resume_reading()
        return body

    def is_unfinished(self) -> bool:
        return bool(self.parser.pieces) or not self.parser.complete or self.failure is not None

    def finish(self) -> None:
        """Ends the exchange: a clean connection is free for the next, any other is closed at once."""
        if self.closed or self._uploading or not self.parser.reusable or self.is_unfinished():
            self.close()
            return
        self._resume_reading()
        self.busy = False
        self._on_free(self)

    # Between exchanges.

    def rest(self, seconds: float) -> None:
        """Waits for the next exchange, and closes after `seconds` without one."""
        self._idle_since = time.monotonic()
        self._deadline_error = None
        self._deadline.set(seconds)

    def is_fit(self) -> bool:
        """Whether another request may be sent on it; closes it if not."""
        if self.closed:
            return False
        # Not the loop's clock: that one stands still while the loop is busy, which is when trust is misplaced.
        if time.monotonic() - self._idle_since > _TRUSTED_IDLE_SECONDS and self._has_unseen_input():
            self.close()
            return False
        return True

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.busy = False
        self._deadline.cancel()
        self.parser.dispose()
        if self._transport is not None:
            self._transport.abort()
        self._wake()
        self._on_closed(self)

    def fail(self, failure: BaseException) -> None:
        """Ends the exchange under way with `failure`, and the connection with it."""
        if self.failure is None:
            self.failure = failure
        self.close()

    def end(self, how: str) -> None:
        """The connection is at its end; an exchange that is not over has failed."""
        if self.closed:
            return
        if not self.busy or self.parser.complete:
            self.close()
        elif self.parser.head_done:
            self.fail(Truncated(f"{self._peer} {how} before the end of the response body"))
        else:
            self.fail(Dropped(f"{self._peer} {how} before the response head"))

    # What an upload needs.

    def write(self, data: bytes, idle_seconds: float) -> None:
        if self._transport is not None and not self.closed:
            self._expect_within(idle_seconds, IdleTimeout)
            self._transport.write(data)

    async def drain(self) -> None:
        """Until the upstream has taken enough of what was written, or the connection has ended."""
        if self._writing_paused and not self.closed:
            self._drained = self._loop.create_future()
            await self._drained

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self.busy:
            self.close()
            return
        try:
            self.parser.feed(data)
        except MalformedResponse as malformed:
            self.fail(ProtocolViolation(f"{self._peer} {malformed}"))
            return
        if self._take is not None:
            if self._deliver() and not self.parser.complete:
                self._deadline.push(self._deadline_seconds)
            else:
                self._wake()
            return
        self._buffered += len(data)
        if self._buffered > _BUFFERED_BYTES and not self._reading_paused and self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        if self.busy:
            self.parser.end_of_input()
        self.end("closed the connection")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.end("closed the connection" if error is None else "broke the connection")

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    # Steps of the above.

    async def _exchange_streaming(self, head: bytes, request: UpstreamRequest) -> None:
        self._uploading = True
        sending = self._loop.create_task(upload(self, head, request))
        sending.add_done_callback(lambda _: self._upload_ended(sending, request.timeouts.first_byte))
        try:
            await self._wait_for_head()
        finally:
            if not sending.done():
                sending.cancel()
                await asyncio.wait([sending])

    def _upload_ended(self, sending: asyncio.Task[None], first_byte_seconds: float) -> None:
        failure = asyncio.CancelledError() if sending.cancelled() else sending.exception()
        if failure is None:
            self._uploading = False
        if self.parser.head_done or self.closed:
            return
        if failure is None:
            self._expect_within(first_byte_seconds, FirstByteTimeout)
        else:
            self.fail(failure)

    async def _wait_for_head(self) -> None:
        parser = self.parser
        while not parser.head_done and self.failure is None:
            await self._wait()
        self._deadline.clear()
        if not parser.head_done and self.failure is not None:
            raise self.failure

    async def _wait(self) -> None:
        """Until something arrives or ends."""
        self._resume_reading()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self.close()
            raise

    def _deliver(self) -> bool:
        """Hands on what has arrived; whether more is wanted."""
        take, pieces = self._take, self.parser.pieces
        if take is None:
            return False
        if pieces:
            if len(pieces) == 1:
                data = pieces.pop()
            else:
                data = b"".join(pieces)
                pieces.clear()
            if not take(data):
                self._take = None
                return False
        return True

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def _resume_reading(self) -> None:
        self._buffered = 0
        if self._reading_paused and self._transport is not None and not self.closed:
            self._reading_paused = False
            self._transport.resume_reading()

    def _expect_within(self, seconds: float, error: type[UpstreamError]) -> None:
        self._deadline_error = error
        self._deadline_seconds = seconds
        self._deadline.set(seconds)

    def _deadline_passed(self) -> None:
        error = self._deadline_error
        if error is None:
            self.close()
            return
        what = "sent no response head" if error is FirstByteTimeout else "made no progress"
        self.fail(error(f"{self._peer} {what} for {self._deadline_seconds:g} s"))

    def _has_unseen_input(self) -> bool:
        assert self._transport is not None  # noqa: S101 - dialled
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))
