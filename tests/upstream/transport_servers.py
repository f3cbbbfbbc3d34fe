"""Upstreams that say exactly what a test tells them to, byte for byte, and notice when a connection ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress

from keyhouse.upstream.contract import Header, Origin, Timeouts, UpstreamRequest, UpstreamResponse

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Handler = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One accepted connection, from the upstream's side."""

    def __init__(self, server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer

    async def request(self) -> tuple[bytes, bytes]:
        """The next request: head and body, transfer coding removed. Counted in `server.requests`."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.server.requests += 1
        fields = head.lower()
        if b"transfer-encoding: chunked" in fields:
            return head, await self._chunks()
        if b"content-length: " in fields:
            length = int(fields.split(b"content-length: ")[1].split(b"\r\n")[0])
            return head, await self.reader.readexactly(length)
        return head, b""

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Until the client has ended the connection."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def reset(self) -> None:
        """Ends the connection with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        with socket.socket(fileno=socket.dup(sock.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def _chunks(self) -> bytes:
        body = bytearray()
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return bytes(body)


class RawServer:
    """Runs `handler` for every connection and closes it when that returns."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()
        self.accepted = 0
        self.open = 0
        self.most_open = 0
        self.requests = 0
        self.failures: list[BaseException] = []

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def origin(self, **changes: object) -> Origin:
        return Origin(**{"scheme": "http", "host": "127.0.0.1", "port": self.port, **changes})  # type: ignore[arg-type]  # a test's shorthand

    async def until(self, condition: Callable[[RawServer], bool], seconds: float = 1.0) -> None:
        """Fails unless the condition comes true within `seconds`."""
        async with asyncio.timeout(seconds):
            while not condition(self):
                await asyncio.sleep(0.005)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self._handler(Exchange(self, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except AssertionError as failure:
            self.failures.append(failure)
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.close() if not writer.transport.get_write_buffer_size() else writer.close()


def answering(*responses: bytes, then_close: bool = False) -> Handler:
    """Answers the requests of each connection with these, in order and then again from the first."""

    async def handler(exchange: Exchange) -> None:
        while True:
            for response in responses:
                await exchange.request()
                await exchange.say(response)
                if then_close:
                    return

    return handler


def post(
    path: str = "/chat",
    body: bytes | AsyncIterator[bytes] = b"{}",
    *,
    method: str = "POST",
    headers: Sequence[Header] = (),
    content_length: int | None = None,
    pool: float = 5,
    connect: float = 5,
    first_byte: float = 5,
    idle: float = 5,
) -> UpstreamRequest:
    return UpstreamRequest(method, path, headers, body, content_length, Timeouts(pool, connect, first_byte, idle))


async def read_all(response: UpstreamResponse) -> bytes:
    body = bytearray()
    try:
        while piece := await response.read():
            body += piece
    finally:
        response.close()
    return bytes(body)
