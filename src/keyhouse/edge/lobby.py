"""What all connections share: their bounds, their clock, and who serves them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.networks import Networks
from keyhouse.edge.exchange import Exchange

TICK = 0.5
_ADMINISTRATION = (b"/v1/organization", b"/v1/projects/")
_HEALTH = (b"/healthz", b"/readyz")


class Connection(Protocol):
    address: str

    def tick(self, now: float) -> None: ...
    def flush(self) -> None: ...


class Lobby:
    """`serve` answers the data plane's exchanges; `refused` counts refusals that no key is behind. `proxies` are those whose word
    about their clients' addresses is taken."""

    def __init__(
        self,
        serve: Callable[[Exchange], Coroutine[Any, Any, None]],
        refused: Callable[[ErrorCode], None],
        *,
        head_timeout: float,
        keep_alive: float,
        max_headers: int,
        max_header_bytes: int,
        body_min_rate: int,
        max_connections: int,
        max_connections_per_address: int,
        proxies: Networks | None = None,
    ) -> None:
        self.serve = serve
        self.refused = refused
        self.head_timeout = head_timeout
        self.keep_alive = keep_alive
        self.max_headers = max_headers
        self.max_header_bytes = max_header_bytes
        self.proxies = proxies
        self._body_min_rate = body_min_rate
        self._max_connections = max_connections
        self._max_per_address = max_connections_per_address
        self.unflushed: list[Connection] = []
        """Connections with something to send."""
        self._inside: set[Connection] = set()
        self._by_address: Counter[str] = Counter()

    def flush_soon(self) -> None:
        """Flushes the connections in `unflushed` at the end of this turn of the loop.

        One burst of writes costs less than as many single ones: the first wakes whoever reads, the others find them awake.
        """
        asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        unflushed, self.unflushed = self.unflushed, []
        for connection in unflushed:
            connection.flush()

    def is_direct(self, path: bytes) -> bool:
        """Whether a request goes the data plane's short way: all of /v1 but the administration API, and the health checks."""
        if path.startswith(b"/v1/"):
            return not path.startswith(_ADMINISTRATION)
        return path in _HEALTH

    def enter(self, connection: Connection) -> KeyhouseError | None:
        """Counts a connection in; a refusal if there are too many."""
        self._inside.add(connection)
        self._by_address[connection.address] += 1
        if len(self._inside) > self._max_connections:
            return KeyhouseError(ErrorCode.SERVICE_BUSY, "The server has all the connections it can take.")
        if self._by_address[connection.address] > self._max_per_address:
            return KeyhouseError(ErrorCode.SERVICE_BUSY, "This address has all the connections it may have.")
        return None

    def leave(self, connection: Connection) -> None:
        self._inside.discard(connection)
        self._by_address[connection.address] -= 1
        if not self._by_address[connection.address]:
            del self._by_address[connection.address]

    def body_allowance(self, received: int) -> float:
        """Seconds in which so many bytes of a body must have arrived."""
        return self.head_timeout + received / self._body_min_rate

    async def keep_time(self) -> None:
        """Ticks every connection, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK - loop.time() % TICK)  # whoever looks at whole ticks wakes the process together
            now = loop.time()
            for connection in list(self._inside):
                connection.tick(now)
