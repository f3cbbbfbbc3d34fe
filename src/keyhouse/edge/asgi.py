"""A request for the ASGI application behind the data plane: uvicorn's cycle, in the place of an `Exchange`."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from keyhouse.domain.errors import KeyhouseError

if TYPE_CHECKING:
    from keyhouse.edge.http1 import GatewayProtocol

_BUFFERED = 64 << 10
"""Bytes of a body that wait to be received; then reading stops until they are."""


class AsgiExchange:
    """`served_at`: when the application was handed the request (loop time). `address` is the client's, "" where it cannot be
    known."""

    def __init__(self, protocol: GatewayProtocol, method: bytes, path: bytes, query: bytes, address: str) -> None:
        self.protocol = protocol
        self.served_at = 0.0
        self.body_size = 0
        scope: Any = {
            "type": "http",
            "asgi": {"version": protocol.asgi_version, "spec_version": "2.3"},
            "http_version": protocol.parser.get_http_version(),
            "server": protocol.server,
            "client": (address, protocol.client[1] if protocol.client else 0) if address else None,
            "scheme": protocol.scheme,
            "root_path": "",
            "method": method.decode("ascii"),
            "path": path.decode("latin-1"),
            "raw_path": path,
            "query_string": query,
            "headers": protocol.headers,
            "state": {},
        }
        self.cycle = _Cycle(
            scope=scope,
            transport=protocol.transport,
            flow=protocol.flow,
            logger=protocol.logger,
            access_logger=protocol.access_logger,
            access_log=False,
            default_headers=[(b"date", formatdate(usegmt=True).encode())],
            message_event=asyncio.Event(),
            expect_100_continue=protocol.expect_100_continue,
            keep_alive=protocol.parser.should_keep_alive() and not protocol.parser.should_upgrade(),
            on_response=self._answered,
        )

    @property
    def keep_alive(self) -> bool:
        return self.cycle.keep_alive

    @keep_alive.setter
    def keep_alive(self, value: bool) -> None:
        self.cycle.keep_alive = value

    @property
    def body_complete(self) -> bool:
        return not self.cycle.more_body

    def waited_for_body(self, now: float) -> float:
        """For how many seconds the application has been waiting for the body (0: it has it, or answers without)."""
        cycle = self.cycle
        waiting = cycle.more_body and not (cycle.response_started or cycle.disconnected)
        return now - self.served_at if waiting else 0.0

    def feed(self, data: bytes) -> None:
        self.body_size += len(data)
        if self.cycle.response_complete:
            return
        self.cycle.body += data
        if len(self.cycle.body) > _BUFFERED:
            self.protocol.flow.pause_reading()
        self.cycle.message_event.set()

    def feed_end(self) -> None:
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def fail_body(self, error: KeyhouseError) -> None:
        """The body will not arrive. ASGI cannot tell the application why, so the client is told here."""
        told = self.cycle.response_started
        self.gone()
        if told:
            self.protocol.transport.close()
        else:
            self.protocol.refuse(error)

    def gone(self) -> None:
        if not self.cycle.response_complete:
            self.cycle.disconnected = True
        self.cycle.message_event.set()

    def _answered(self) -> None:
        if self.cycle.unread:
            self.cycle.keep_alive = False
        self.protocol.ended(self, cut=False)


class _Cycle(RequestResponseCycle):
    """Says `connection: close` where the rest of the request's body is not waited for."""

    unread = False

    async def send(self, message: Any) -> None:
        if self.more_body and not self.response_started:
            self.unread = True
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await super().send(message)
        if self.unread:
            self.keep_alive = True  # the connection is closed by `_answered`, after the client could read the answer
