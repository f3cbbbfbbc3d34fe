"""A trivial function for the edge to stand before: it tells what of a request arrived."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from keyhouse.domain.errors import KeyhouseError
from keyhouse.edge.exchange import Exchange
from tests.houses import RunningEdge, running_edge

LIMIT = 1 << 20
JSON = (b"content-type", b"application/json")


class Echo:
    """`/v1/echo` reads the body, `/v1/unread` does not, `/v1/held` waits for `go`, `/v1/stream` sends three pieces, `/v1/torn` is
    cut in the middle. `served` and `gone` are paths, in order."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.served: list[str] = []
        self.gone: list[str] = []
        self.go = asyncio.Event()

    async def serve(self, exchange: Exchange) -> None:
        path = exchange.path.decode("latin-1")
        gone, go = self.gone, self.go
        self.served.append(path)
        exchange.on_gone = lambda: gone.append(path)
        try:
            body = b"" if "unread" in path else await exchange.body(LIMIT)
        except KeyhouseError as error:
            if not exchange.done:
                exchange.refuse(error)
            return
        while "held" in path and not (go.is_set() or exchange.done):
            await asyncio.sleep(0.005)
        if exchange.done:
            return
        if "stream" in path or "torn" in path:
            await self._stream(exchange, torn="torn" in path)
        else:
            exchange.reply(200, [JSON], told(exchange, body))

    async def _stream(self, exchange: Exchange, *, torn: bool) -> None:
        exchange.begin(200, [(b"content-type", b"text/event-stream")])
        exchange.write(b"one ")
        await exchange.drain()
        exchange.write(b"two ")
        exchange.cut() if torn else exchange.finish(b"three")


def told(exchange: Exchange, body: bytes) -> bytes:
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in exchange.headers]
    facts = {
        "method": exchange.method.decode(),
        "path": exchange.path.decode("latin-1"),
        "headers": headers,
        "size": len(body),
        "body": body[:200].decode("latin-1"),
    }
    return json.dumps(facts).encode()


@asynccontextmanager
async def echoing(**bounds: Any) -> AsyncIterator[tuple[RunningEdge, Echo]]:
    echo = Echo()
    async with running_edge(echo.serve, **bounds) as edge:
        yield edge, echo
        echo.go.set()
