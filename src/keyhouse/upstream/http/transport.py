"""What callers hold: `contract.Transport` over one pool per origin."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import NamedTuple

from keyhouse.upstream.contract import NotSent, Origin, UpstreamRequest
from keyhouse.upstream.http.burst import Burst
from keyhouse.upstream.http.pool import OriginPool
from keyhouse.upstream.http.request import encode_head, head_tail
from keyhouse.upstream.http.response import HttpResponse

_MAX_ROUTES = 1024


class _Route(NamedTuple):
    pool: OriginPool
    base_path: str
    head_tail: str


class HttpTransport:
    """Keeps the promises of `contract`. One per event loop.

    `max_connections_per_origin` counts connections being opened, busy and idle; `max_head_bytes` bounds a response's
    status lines and headers, 1xx included; `idle_seconds` is how long a connection without work is kept, and should be
    less than what upstreams keep it for.
    """

    def __init__(
        self, *, max_connections_per_origin: int = 512, max_head_bytes: int = 65_536, idle_seconds: float = 15.0
    ) -> None:
        self._max_connections = max_connections_per_origin
        self._max_head_bytes = max_head_bytes
        self._idle_seconds = idle_seconds
        self._routes: dict[Origin, _Route] = {}
        self._pools: dict[Origin, OriginPool] = {}
        self._closed = False
        self._burst = Burst()

    async def send(self, origin: Origin, request: UpstreamRequest) -> HttpResponse:
        """As the contract says. Raises `ValueError` where the request cannot be a well-formed one."""
        route = self._routes.get(origin) or self._open_route(origin)
        head = encode_head(request, route.base_path, route.head_tail)
        connection = route.pool.take_idle()
        if connection is None:
            connection = await route.pool.acquire(request.timeouts)
        response = None
        try:
            await connection.exchange(head, request)
            parser = connection.parser
            response = HttpResponse(connection, parser.status, parser.headers, request.timeouts.idle)
        finally:
            if response is None:
                connection.close()
        return response

    def connections(self, origin: Origin) -> int:
        """How many of the origin's places are taken: connections being opened, busy and idle."""
        pool = self._pools.get(replace(origin, base_path=""))
        return pool.places_taken if pool else 0

    async def aclose(self) -> None:
        """Closes every connection; exchanges under way fail, and so does every later `send`."""
        self._closed = True
        for pool in self._pools.values():
            pool.close()
        # One turn of the loop, in which the closed sockets are let go of.
        await asyncio.sleep(0)

    def _open_route(self, origin: Origin) -> _Route:
        if self._closed:
            raise NotSent("the transport is closed")
        if origin.scheme not in {"http", "https"}:
            raise ValueError("an upstream's scheme is http or https")
        if len(self._routes) >= _MAX_ROUTES:
            self._forget_unused()
        key = replace(origin, base_path="")
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = OriginPool(
                origin,
                self._burst,
                max_connections=self._max_connections,
                max_head_bytes=self._max_head_bytes,
                idle_seconds=self._idle_seconds,
            )
        route = self._routes[origin] = _Route(pool, origin.base_path, head_tail(origin.authority))
        return route

    def _forget_unused(self) -> None:
        """Origins come and go with the upstreams that people add and remove."""
        self._pools = {key: pool for key, pool in self._pools.items() if not pool.is_unused}
        self._routes.clear()
