"""A cheap HTTP client: requests made beforehand go out, whole answers come in and are looked at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from bench import workload

_LAST_CHUNK = b"\r\n0\r\n\r\n"
_NO_BODY_YET = -1
_CHUNKED = -2


class Answer(NamedTuple):
    """A finished exchange. `problem` is empty for a 200 that came in whole. Times are nanoseconds of the monotonic clock."""

    problem: str
    first_byte_ns: int
    done_ns: int
    keeps_connection: bool


class Connection(asyncio.Protocol):
    """One kept connection, one request at a time. `on_answer` gets every exchange, one cut short too; `on_lost` a connection
    that the other side closed between two."""

    def __init__(
        self,
        on_answer: Callable[[Connection, Answer], None],
        on_lost: Callable[[Connection], None],
        *,
        stream: bool,
    ) -> None:
        self._on_answer = on_answer
        self._on_lost = on_lost
        self._stream = stream
        self._received = bytearray()
        self._body_at = 0
        self._expected = _NO_BODY_YET
        self._first_byte_ns = 0
        self._waiting = False
        self.usable = False
        self.started_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]  # a socket's transport writes
        self.usable = True

    def send(self, request: bytes, started_ns: int) -> None:
        """Sends a request whose time counts from `started_ns`."""
        self.started_ns = started_ns
        self._first_byte_ns = 0
        self._waiting = True
        self._transport.write(request)

    def close(self) -> None:
        self._waiting = False
        self.usable = False
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if not self._first_byte_ns:
            self._first_byte_ns = time.monotonic_ns()
        if self._expected == _NO_BODY_YET and not self._read_head():
            return
        if self._expected == _CHUNKED:
            if received.endswith(_LAST_CHUNK) and (body := _dechunked(received, self._body_at)) is not None:
                self._finish(body)
        elif len(received) >= self._body_at + self._expected:
            self._finish(received[self._body_at :])

    def connection_lost(self, _exc: Exception | None) -> None:
        closed_by_us = not self.usable
        self.usable = False
        if self._waiting:
            self._hand_over(f"connection lost after {len(self._received)} bytes of the answer")
        elif not closed_by_us:
            self._on_lost(self)

    def _read_head(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self._received[: end + 2].lower()
        self._closes = b"\r\nconnection: close\r\n" in head
        self._body_at = end + 4
        self._expected = _CHUNKED
        length_at = head.find(b"\r\ncontent-length:")
        if length_at >= 0:
            self._expected = int(head[length_at + 17 : head.find(b"\r\n", length_at + 2)])
        return True

    def _finish(self, body: bytearray) -> None:
        if self._expected not in (_CHUNKED, len(body)):
            self._hand_over(f"{len(body)} bytes of body where {self._expected} were announced")
        elif self._received[9:12] != b"200":
            self._hand_over(f"status {self._received[9:12].decode('latin-1')}: {body[:300].decode('utf-8', 'replace')}")
        else:
            self._hand_over(_stream_problem(body) if self._stream else _plain_problem(body))

    def _hand_over(self, problem: str) -> None:
        keeps = self.usable and self._expected != _NO_BODY_YET and not self._closes
        answer = Answer(problem, self._first_byte_ns, time.monotonic_ns(), keeps)
        self._received = bytearray()
        self._expected = _NO_BODY_YET
        self._waiting = False
        self._on_answer(self, answer)


def _plain_problem(body: bytearray) -> str:
    whole = body.startswith(b"{") and body.rstrip().endswith(b"}") and b'"chat.completion"' in body
    return "" if whole else f"a 200 that is no chat completion: {body[:300].decode('utf-8', 'replace')}"


def _stream_problem(body: bytearray) -> str:
    if not body.rstrip().endswith(b"data: [DONE]"):
        return f"a stream that does not end with [DONE]: {body[-300:].decode('utf-8', 'replace')}"
    events = body.count(b"data: ")
    return "" if events > workload.CHUNKS else f"a stream of {events} events instead of {workload.CHUNKS} and [DONE]"


def _dechunked(received: bytearray, at: int) -> bytearray | None:
    """The body of a chunked message that begins at `at`; None if it has not ended where the bytes do."""
    body = bytearray()
    while True:
        line_end = received.find(b"\r\n", at)
        if line_end < 0:
            return None
        size = int(received[at:line_end].partition(b";")[0], 16)
        at = line_end + 2
        if size == 0:
            return body if at + 2 == len(received) else None
        body += received[at : at + size]
        at += size + 2
