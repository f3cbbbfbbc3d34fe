"""A client that says exactly what a test tells it to, byte for byte, and reads what a browser would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

PATIENCE = 5.0
"""Seconds after which a test gives up on an answer."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """OpenAI's error object, checked for its shape."""
        assert self.headers["content-type"] == "application/json"
        whole = json.loads(self.body)
        assert list(whole) == ["error"]
        error: dict[str, Any] = whole["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"].endswith("."), "a sentence"
        assert error["type"] == ("server_error" if self.status >= 500 else "invalid_request_error")
        return error

    @property
    def code(self) -> str:
        return str(self.error["code"])


class Raw:
    """One connection. `async with Raw(port) as raw: await raw.ask(b"GET …")`."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> Raw:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.transport.abort()

    async def say(self, data: bytes) -> None:
        """Sends; what the server no longer wants to read is no fault."""
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def pour(self, pieces: Iterable[bytes]) -> int:
        """Sends piece after piece until they end or the server has closed; how many bytes were sent."""
        poured = 0
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                self.writer.write(piece)
                await self.writer.drain()
                poured += len(piece)
        return poured

    async def ask(self, data: bytes, *, head_only: bool = False) -> Answer:
        await self.say(data)
        return await self.answer(head_only=head_only)

    async def answer(self, *, head_only: bool = False) -> Answer:
        """The next answer; `head_only` for one to HEAD."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status_line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            status = int(status_line.split(" ")[1])
            body = b"" if head_only or status < 200 else await self._body(headers)
        return Answer(status, headers, body)

    async def closed(self, within: float = PATIENCE) -> bytes:
        """What still comes until the server closes, which it must do in time."""
        rest = b""
        async with asyncio.timeout(within):
            with contextlib.suppress(ConnectionError):
                while data := await self.reader.read(65536):
                    rest += data
        return rest

    async def is_quiet(self, seconds: float) -> bool:
        """Whether nothing comes, and the connection stays open, for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False

    def reset(self) -> None:
        """Goes away with RST."""
        sock = self.writer.get_extra_info("socket")
        with socket.socket(fileno=socket.dup(sock.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding") == "chunked":
            return b"".join([piece async for piece in self._chunks()])
        return await self.reader.read()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)


def post(body: bytes = b"{}", *headers: bytes, path: bytes = b"/v1/chat/completions") -> bytes:
    """A plain POST with a length."""
    lines = [b"POST " + path + b" HTTP/1.1", b"host: x", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(path: bytes = b"/v1/models", *headers: bytes) -> bytes:
    return b"\r\n".join([b"GET " + path + b" HTTP/1.1", b"host: x", *headers]) + b"\r\n\r\n"


def chunked(*pieces: bytes) -> bytes:
    """Pieces in the chunked coding, with its end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n\r\n"


async def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Fails unless the condition comes true in time."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
