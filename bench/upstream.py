"""The local upstream: a process that answers chat completions with bytes made beforehand.

    python -m bench.upstream PORT

It ends when its standard input does. It knows as much HTTP as the proxies in front of it speak: requests with a
Content-Length, one after the other on a kept connection.
"""

from __future__ import annotations

import asyncio
import gc
import re
import sys

import uvloop

from bench import workload

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_PLAIN = workload.plain_answer()
_MODELS = workload.models_answer()
_REFUSED = workload.json_answer({"error": {"message": "A body needs a Content-Length here."}}, "411 Length Required")
_HEAD = workload.stream_head()
_CHUNKS = workload.stream_chunks()
_END = workload.stream_end(usage=False)
_END_WITH_USAGE = workload.stream_end(usage=True)


class Upstream(asyncio.Protocol):
    """One connection of a proxy."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]  # a socket's transport writes

    def data_received(self, data: bytes) -> None:
        data = self._held + data
        while data:
            head, _, rest = data.partition(b"\r\n\r\n")
            length = _CONTENT_LENGTH.search(head)
            size = int(length[1]) if length else 0
            if len(head) == len(data) or len(rest) < size:
                break
            self._answer(head, rest[:size])
            data = rest[size:]
        self._held = data

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET "):
            self._transport.write(_MODELS)
        elif not body:
            self._transport.write(_REFUSED)
        elif workload.ASKS_FOR_STREAM.search(body):
            self._transport.write(_HEAD)
            end = _END_WITH_USAGE if workload.ASKS_FOR_USAGE.search(body) else _END
            self._send_chunk(0, end, self._loop.time())
        else:
            self._transport.write(_PLAIN)

    def _send_chunk(self, index: int, end: bytes, due: float) -> None:
        if index == len(_CHUNKS):
            self._timer = None
            self._transport.write(end)
            return
        self._transport.write(_CHUNKS[index])
        due += workload.CHUNK_SECONDS
        self._timer = self._loop.call_at(due, self._send_chunk, index + 1, end, due)


async def serve(port: int) -> None:
    """Answers on 127.0.0.1 until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(loop), "127.0.0.1", port, backlog=1024)
    async with server:
        ended = asyncio.Event()
        loop.add_reader(sys.stdin, ended.set)
        await ended.wait()


if __name__ == "__main__":
    gc.disable()  # nothing here makes cycles, and a collection would show as a slow answer
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
