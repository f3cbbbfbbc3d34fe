"""An upstream that does for each request what a test told it, and remembers every byte that it was sent.

A test makes up a model and says how it answers: `upstream.model(answers(body))` returns the model's name, which is all that ties
a request to its behaviour, so tests share one upstream and one running house without meeting.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

HEAD = b"HTTP/1.1 %d X\r\ncontent-type: %b\r\n%bcontent-length: %d\r\n\r\n"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
KEY = "sk-upstream-0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass
class Request:
    """One request, as it arrived. `gone_at` (monotonic seconds): when its connection was found ended while it was served."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    gone_at: float | None = None

    def header(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass
class Exchange:
    """A request on its connection, for a behaviour to serve."""

    request: Request
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        await self.say(b"%x\r\n%b\r\n" % (len(data), data))

    async def until_gone(self) -> None:
        """Returns when the house has ended the connection."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass
        self.request.gone_at = time.monotonic()

    def close(self) -> None:
        self.writer.close()


Behaviour = Callable[[Exchange], Awaitable[None]]


@dataclass
class _Model:
    behaviour: Behaviour
    requests: list[Request] = field(default_factory=list)


class FakeUpstream:
    """Serves on a free port of the loopback, on a thread of its own, between `start` and `stop`."""

    def __init__(self) -> None:
        self.listed: list[str] = []
        """What `GET /v1/models` lists."""
        self.received = bytearray()
        """Every byte, of every connection, in order of arrival."""
        self._models: dict[str, _Model] = {}
        self._numbers = count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-upstream", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        self.port: int = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        async def end() -> None:
            self._server.close()
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def model(self, behaviour: Behaviour, name: str = "fake-{}") -> str:
        """A new model that behaves so; returns its name."""
        name = name.format(next(self._numbers))
        self._models[name] = _Model(behaviour)
        return name

    def requests(self, model: str) -> list[Request]:
        return self._models[model].requests

    def request(self, model: str) -> Request:
        """The one request for this model."""
        (request,) = self.requests(model)
        return request

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while not writer.is_closing():
                await self._exchange(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.received += head
        line, *lines = head[:-4].split(b"\r\n")
        pairs = [text.split(b": ", 1) for text in lines]
        headers = [(name.lower(), value) for name, value in pairs]
        length = int(dict(headers).get(b"content-length", b"0"))
        body = await reader.readexactly(length)
        self.received += body
        request = Request(line, headers, body)
        if line.startswith(b"GET /v1/models "):
            writer.write(reply(json.dumps({"object": "list", "data": [{"id": name} for name in self.listed]}).encode()))
            return
        model = self._models[json.loads(body)["model"]]
        model.requests.append(request)
        await model.behaviour(Exchange(request, reader, writer))


def reply(body: bytes, status: int = 200, kind: bytes = b"application/json", more: bytes = b"") -> bytes:
    return HEAD % (status, kind, more, len(body)) + body


def says(data: bytes, *, then_close: bool = False) -> Behaviour:
    """Answers with exactly these bytes."""

    async def behave(exchange: Exchange) -> None:
        await exchange.say(data)
        if then_close:
            exchange.close()

    return behave


def answers(body: bytes, status: int = 200, kind: bytes = b"application/json", more: bytes = b"") -> Behaviour:
    """Answers with this body; `more` are further header lines."""
    return says(reply(body, status, kind, more))


def streams(events: Sequence[bytes], *, pause: float = 0.0, done: bool = True) -> Behaviour:
    """Streams these payloads as events, and `[DONE]`."""

    async def behave(exchange: Exchange) -> None:
        await exchange.say(STREAM_HEAD)
        for event in (*events, *([b"[DONE]"] if done else [])):
            await exchange.chunk(b"data: " + event + b"\n\n")
            if pause:
                await asyncio.sleep(pause)
        await exchange.say(b"0\r\n\r\n")

    return behave


def streams_on(first: Sequence[bytes], pause: float = 0.05) -> Behaviour:
    """Streams these payloads, then words without end until the house hangs up."""

    async def words(exchange: Exchange) -> None:
        await exchange.say(STREAM_HEAD)
        for event in first:
            await exchange.chunk(b"data: " + event + b"\n\n")
        while True:
            await asyncio.sleep(pause)
            await exchange.chunk(b"data: " + delta("word ") + b"\n\n")

    async def behave(exchange: Exchange) -> None:
        talking = asyncio.ensure_future(words(exchange))
        await exchange.until_gone()
        talking.cancel()
        await asyncio.wait([talking])
        if not talking.cancelled():
            talking.exception()
        exchange.close()

    return behave


async def stays_silent(exchange: Exchange) -> None:
    """Never answers; notices when the house hangs up."""
    await exchange.until_gone()
    exchange.close()


def usage(prompt: int, completion: int, **details: object) -> dict[str, object]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **details}


def completion(content: str = "Hello.", tokens: object = None, model: str = "fake-answered") -> bytes:
    """A chat completion's body; `tokens` is its `usage`."""
    message = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "choices": [message]}
    return json.dumps(body | ({} if tokens is None else {"usage": tokens})).encode()


def delta(content: str, finish: str | None = None, model: str = "fake-answered") -> bytes:
    """A chunk of a streamed chat completion."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
    return json.dumps(body, separators=(",", ":")).encode()


def last_chunk(tokens: object, model: str = "fake-answered") -> bytes:
    """The chunk that reports usage, as `stream_options.include_usage` asks for it."""
    body = {
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [], "usage": tokens,
    }  # fmt: skip
    return json.dumps(body, separators=(",", ":")).encode()
