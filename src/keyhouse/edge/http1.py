"""HTTP/1.1 as the gateway speaks it: uvicorn's httptools protocol, with its gaps closed and a short way for the data plane.

1. A request head ends within `head_timeout`, has at most `max_headers` headers and `max_header_bytes` bytes, and names one Host.
2. Content-Length with Transfer-Encoding is refused, and so is a second Authorization or any other header read once.
3. A body keeps a minimum rate. A refusal before the body was read closes the connection so that the client can still read why.
4. Connections are bounded, in all and per address; so are pipelined requests. After a refused head nothing more is served.
5. The data plane's requests become an `Exchange`, without ASGI; the others go to the ASGI application as uvicorn does it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.edge.asgi import AsgiExchange
from keyhouse.edge.exchange import Exchange, Header
from keyhouse.edge.lobby import Lobby
from keyhouse.policy.client_certificates import Shown
from keyhouse.wire.errors import envelope, refusal_headers
from keyhouse.wire.forwarded import client_address, peer_address

LINGER = 5.0
"""Seconds during which a refused client may go on sending, unread, so that it can read the refusal."""
MAX_PIPELINED = 16
_FRAMING = (b"content-length", b"transfer-encoding")
_ONCE = frozenset(
    (
        b"authorization",
        b"content-length",
        b"host",
        b"idempotency-key",
        b"openai-organization",
        b"openai-project",
        b"x-client-request-id",
    )
)


class GatewayProtocol(HttpToolsProtocol):
    """One connection. `lobby` holds what all connections share."""

    def __init__(self, *args: Any, lobby: Lobby, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lobby = lobby
        self.address = ""
        self.deadline: float | None = None
        """When this connection is cut unless something happens before (loop time)."""
        self.head_bytes = 0
        self.in_head = False
        self.lingering = False
        self.resumed = False
        self.refusal: KeyhouseError | None = None
        """What the client is told when the requests before are answered."""
        self.incoming: Exchange | AsgiExchange | None = None
        self.serving: Exchange | AsgiExchange | None = None
        self.certificates: Shown | None = None
        self.unsent: list[bytes] = []
        self.waiting: deque[Exchange | AsgiExchange] = deque()

    # --- the connection ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.connections.add(self)
        self.transport = transport
        self.flow = FlowControl(transport)
        self.server = get_local_addr(transport)
        self.client = get_remote_addr(transport)
        self.scheme = "https" if is_ssl(transport) else "http"
        self.address = peer_address(self.client[0]) if self.client else ""
        refusal = self.lobby.enter(self)
        if refusal is not None:
            self.refuse(refusal)
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.connections.discard(self)
        self.lobby.leave(self)
        self.flow.resume_writing()
        self.deadline = None
        for exchange in (self.serving, *self.waiting):
            if exchange is not None:
                exchange.gone()
        self.waiting.clear()
        self.parser = None  # type: ignore[assignment]

    def shutdown(self) -> None:
        """uvicorn calls this at a graceful end: idle connections close, the others after their answer."""
        if self.serving is None:
            self.flush()
            self.transport.close()
        else:
            self.serving.keep_alive = False

    def tick(self, now: float) -> None:
        """Called by the lobby a few times a second: cuts what has waited too long."""
        if self.deadline is not None and now >= self.deadline:
            self.deadline = None
            if self.in_head and self.head_bytes and not self.lingering:
                self._broken(KeyhouseError(ErrorCode.HEAD_TOO_SLOW, "The request head did not arrive in time."))
            else:
                self.transport.close()
        if self.serving is not None:
            waited = self.serving.waited_for_body(now)
            if waited > self.lobby.body_allowance(self.serving.body_size):
                self.serving.fail_body(KeyhouseError(ErrorCode.BODY_TOO_SLOW, "The request body arrived too slowly."))

    def shown(self) -> Shown | None:
        """The certificates that the client showed. A connection over TLS that was not asked for any ends with the answer under
        way, so that the next one is asked."""
        if self.certificates is None and self.scheme == "https":
            spoken = self.transport.get_extra_info("ssl_object")
            if isinstance(spoken, ssl.SSLObject) or spoken is None:
                if self.serving is not None:
                    self.serving.keep_alive = False
            else:
                self.certificates = spoken.shown()
        return self.certificates

    # --- bytes in ---

    def data_received(self, data: bytes) -> None:
        if self.lingering:
            return
        if self.in_head and not self.head_bytes:
            self.deadline = self.loop.time() + self.lobby.head_timeout
        self.head_bytes += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            if not isinstance(cause, KeyhouseError):
                cause = KeyhouseError(ErrorCode.HEADERS_INVALID, f"The request is not valid HTTP/1.1: {error}.")
            self._broken(cause)
            return
        if self.head_bytes > self.lobby.max_header_bytes and (self.in_head or self.incoming is not None):
            self._broken(self._head_too_large())

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
            return
        except httptools.HttpParserUpgrade as offer:
            rest = data[offer.args[0] :]
        # An upgrade is an offer; it is not taken, and the answer closes the connection. llhttp leaves the body that such a
        # request may have (Java's client offers h2c with every first one) to the other protocol: a fresh parser reads it.
        if self.incoming is not None:
            self.parser = httptools.HttpRequestParser(self)
            self.resumed = True
            framing = b"".join(b"%b: %b\r\n" % header for header in self.headers if header[0] in _FRAMING)
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n%b" % (framing, rest))

    def on_message_begin(self) -> None:
        if self.resumed:
            return
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        if not self.in_head:  # a pipelined request: its head began in the data at hand
            self.in_head, self.head_bytes = True, 1
            self.deadline = self.loop.time() + self.lobby.head_timeout

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:
            return  # a trailer: what was checked as the head stays the head
        if len(self.headers) >= self.lobby.max_headers:
            message = f"The request has more than {self.lobby.max_headers} headers."
            raise KeyhouseError(ErrorCode.HEADERS_TOO_LARGE, message)
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self.resumed:
            self.resumed = False
            return
        self.in_head, self.deadline = False, None
        path, _, query = self.url.partition(b"?")
        if sum(len(n) + len(v) for n, v in self.headers) + len(self.url) > self.lobby.max_header_bytes:
            raise self._head_too_large()
        if len(self.waiting) >= MAX_PIPELINED:
            raise KeyhouseError(ErrorCode.SERVICE_BUSY, "Too many pipelined requests.")
        make = self._exchange if self.lobby.is_direct(path) else self._asgi_exchange
        self.incoming = exchange = make(path, query)
        if self.serving is None:
            self._serve(exchange)
        else:
            self.waiting.append(exchange)

    def on_body(self, body: bytes) -> None:
        self.head_bytes = 0  # what is bounded is what comes between: chunk extensions and trailers
        if self.incoming is not None:
            self.incoming.feed(body)

    def on_message_complete(self) -> None:
        if self.incoming is None or (self.parser.should_upgrade() and _has_body(self.headers)):
            return
        self.incoming.feed_end()
        self.incoming = None

    # --- requests ---

    def _exchange(self, path: bytes, query: bytes) -> Exchange:  # noqa: ARG002 - the data plane's operations take no query
        exchange = Exchange(self, self.parser.get_method(), path, self.headers, self._client_address())
        self._check_head(exchange)
        exchange.keep_alive = self.parser.should_keep_alive() and not self.parser.should_upgrade()
        return exchange

    def _asgi_exchange(self, path: bytes, query: bytes) -> AsgiExchange:
        method = self.parser.get_method()
        self._check_head(Exchange(self, method, path, self.headers, self.address))
        return AsgiExchange(self, method, path, query, self._client_address())

    def _client_address(self) -> str:
        proxies = self.lobby.proxies
        return self.address if proxies is None else client_address(self.headers, self.address, proxies)

    def _check_head(self, exchange: Exchange) -> None:
        """Refuses heads that two parsers could read in two ways."""
        version = self.parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            raise KeyhouseError(
                ErrorCode.HEADERS_INVALID, "The only versions that are spoken are HTTP/1.1 and HTTP/1.0."
            )
        exchange.version_1_0 = version == "1.0"
        seen: set[bytes] = set()
        chunked = False
        for name, value in self.headers:
            if name in _ONCE:
                if name in seen:
                    raise KeyhouseError(
                        ErrorCode.HEADERS_INVALID, f"The header '{name.decode()}' was sent more than once."
                    )
                seen.add(name)
                if name == b"content-length":
                    exchange.content_length = int(value)
            elif name == b"transfer-encoding":
                chunked = True
                if value.lower() != b"chunked" or version == "1.0":  # RFC 9112, 6.1
                    message = "The only transfer coding that is understood is 'chunked', in HTTP/1.1."
                    raise KeyhouseError(ErrorCode.HEADERS_INVALID, message)
            elif name == b"expect" and version != "1.0":  # RFC 9110, 10.1.1
                self._check_expectation(exchange, value)
        if b"host" not in seen and version != "1.0":
            raise KeyhouseError(ErrorCode.HEADERS_INVALID, "The request has no Host header.")
        if chunked and b"content-length" in seen:
            raise KeyhouseError(ErrorCode.HEADERS_INVALID, "Content-Length and Transfer-Encoding were both sent.")
        if not exchange.path.startswith(b"/"):
            raise KeyhouseError(ErrorCode.HEADERS_INVALID, "The request target must be a path.")

    def _check_expectation(self, exchange: Exchange, value: bytes) -> None:
        if value.lower() != b"100-continue":
            raise KeyhouseError(ErrorCode.EXPECTATION_FAILED, "The only expectation that is met is '100-continue'.")
        exchange.expects_continue = self.expect_100_continue = True

    def _serve(self, exchange: Exchange | AsgiExchange) -> None:
        self.serving = exchange
        if isinstance(exchange, Exchange):
            task = exchange.task = self.loop.create_task(self.lobby.serve(exchange))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        else:
            self.flush()
            exchange.served_at = self.loop.time()
            self._start_asgi_task(exchange.cycle, self.app)

    # --- bytes out ---

    def send(self, data: bytes) -> None:
        """Leaves at the end of this turn of the loop, with what else there is to send by then."""
        unsent = self.unsent
        if not unsent:
            unflushed = self.lobby.unflushed
            if not unflushed:
                self.lobby.flush_soon()
            unflushed.append(self)
        unsent.append(data)

    def flush(self) -> None:
        """Writes what is to be sent."""
        unsent = self.unsent
        if unsent:
            data = unsent[0] if len(unsent) == 1 else b"".join(unsent)
            unsent.clear()
            if not self.transport.is_closing():
                self.transport.write(data)

    async def drain(self) -> None:
        if self.flow.write_paused:
            await self.flow.drain()

    def is_blocked(self) -> bool:
        return self.flow.write_paused

    def pause_reading(self) -> None:
        self.flow.pause_reading()

    def resume_reading(self) -> None:
        self.flow.resume_reading()

    def ended(self, exchange: Exchange | AsgiExchange, *, cut: bool) -> None:
        """The answer is out: on to the next request, or to the end of the connection."""
        self.server_state.total_requests += 1
        if cut:
            self.flush()
            self.transport.abort()
        elif self.transport.is_closing():
            pass
        elif not exchange.keep_alive:
            self._linger(unread=not exchange.body_complete)
        else:
            self.serving = None
            self.flow.resume_reading()
            if self.waiting:
                self._serve(self.waiting.popleft())
            elif self.refusal is not None:
                self.refuse(self.refusal)
            elif not self.in_head:
                self._await_head()

    def _await_head(self) -> None:
        self.in_head, self.head_bytes = True, 0
        self.deadline = self.loop.time() + self.lobby.keep_alive

    def _broken(self, error: KeyhouseError) -> None:
        """The bytes that arrived cannot be read on: what they belong to is refused in its turn, and the connection ends."""
        if self.serving is None:
            self.refuse(error)
            return
        self.lingering = True
        if self.incoming is self.serving:
            self.serving.keep_alive = False
            self.serving.fail_body(error)
            return
        if self.incoming is not None:
            self.waiting.pop()
        self.refusal = error

    def refuse(self, error: KeyhouseError) -> None:
        """Answers what no exchange can, and ends the connection."""
        self.lobby.refused(error.code)
        body = envelope(error)
        head = [b"HTTP/1.1 %d %b\r\n" % (error.code.status, error.code.code.encode())]
        head += [b"%b: %b\r\n" % header for header in refusal_headers(error)]
        self.send(b"%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (b"".join(head), len(body), body))
        self._linger(unread=True)

    def _linger(self, *, unread: bool) -> None:
        """Closes; where the client may still be sending, only after it had time to read the answer (RFC 9112, 9.6)."""
        self.waiting.clear()
        self.flush()
        if not unread or self.scheme == "https":
            self.transport.close()
            return
        self.lingering = True
        self.deadline = self.loop.time() + LINGER
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _head_too_large(self) -> KeyhouseError:
        message = f"The request head is over {self.lobby.max_header_bytes:,} bytes."
        return KeyhouseError(ErrorCode.HEADERS_TOO_LARGE, message)


def _has_body(headers: list[Header]) -> bool:
    return any(name in _FRAMING and value != b"0" for name, value in headers)
