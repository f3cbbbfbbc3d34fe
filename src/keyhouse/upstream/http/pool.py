"""The connections of one origin: bounded, reused last in first out, waited for first in first out.

A place is what the bound counts. It belongs to a connection from before it is dialled until it is closed, and passes
from hand to hand: a free connection goes to the longest waiter with its place, a closed one leaves it the bare place.
"""

from __future__ import annotations

import asyncio
from collections import deque

from keyhouse.upstream.contract import ConnectRefused, NotSent, Origin, PoolTimeout, Timeouts
from keyhouse.upstream.http.burst import Burst
from keyhouse.upstream.http.connection import Connection
from keyhouse.upstream.http.dial import dial


class OriginPool:
    def __init__(
        self, origin: Origin, burst: Burst, *, max_connections: int, max_head_bytes: int, idle_seconds: float
    ) -> None:
        self._origin = origin
        self._peer = f"{origin.host}:{origin.port}"
        self._burst = burst
        self._max_connections = max_connections
        self._max_head_bytes = max_head_bytes
        self._idle_seconds = idle_seconds
        self._open: set[Connection] = set()
        self._idle: dict[Connection, None] = {}
        self._handed_over: set[Connection] = set()
        """Given to a waiter that has not had its turn yet; its place is that waiter's, whatever becomes of it."""
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._places_taken = 0
        self._closed = False

    @property
    def places_taken(self) -> int:
        """Connections being dialled, busy and idle."""
        return self._places_taken

    @property
    def is_unused(self) -> bool:
        return not self._places_taken and not self._waiters

    def take_idle(self) -> Connection | None:
        """The connection that was used last, if one is free."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_fit():
                return connection
        return None

    async def acquire(self, timeouts: Timeouts) -> Connection:
        """A connection, waited for or new. Raises `NotSent`."""
        if self._closed:
            raise NotSent("the transport is closed")
        connection = None
        if self._places_taken < self._max_connections:
            # Nobody is overtaken: as long as anyone waits, a place that is left is handed on and stays taken.
            self._places_taken += 1
        else:
            connection = await self._wait_for_place(timeouts.pool)
        if connection is None or connection.closed:
            return await self._dial(timeouts.connect)
        return connection

    def close(self) -> None:
        self._closed = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(NotSent("the transport is closed"))
        self._waiters.clear()
        for connection in list(self._open):
            connection.end("was given up")

    async def _wait_for_place(self, seconds: float) -> Connection | None:
        """A free connection, or None for a bare place."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Connection | None] = loop.create_future()
        self._waiters.append(waiter)
        timer = loop.call_later(seconds, self._give_up, waiter, seconds)
        try:
            connection = await waiter
        except (asyncio.CancelledError, NotSent):
            self._withdraw(waiter)
            raise
        finally:
            timer.cancel()
        if connection is not None:
            self._handed_over.discard(connection)
        return connection

    def _give_up(self, waiter: asyncio.Future[Connection | None], seconds: float) -> None:
        if not waiter.done():
            waiter.set_exception(PoolTimeout(f"{self._peer} had no free connection for {seconds:g} s"))

    def _withdraw(self, waiter: asyncio.Future[Connection | None]) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        if waiter.cancelled() or waiter.exception() is not None:
            return
        # Cancelled between the grant and the next turn of the loop: what was granted goes to the next in line.
        connection = waiter.result()
        if connection is not None:
            self._handed_over.discard(connection)
        if connection is None or connection.closed:
            self._leave_place()
        else:
            self._put_back(connection)

    async def _dial(self, seconds: float) -> Connection:
        connection = None
        try:
            connection = await dial(self._origin, seconds, self._new_connection)
        finally:
            if connection is None or connection.closed:
                self._leave_place()
        if connection.closed:
            raise ConnectRefused(f"{self._peer} closed the connection as soon as it was open")
        self._open.add(connection)
        if self._closed:
            connection.close()
            raise NotSent("the transport is closed")
        return connection

    def _new_connection(self) -> Connection:
        return Connection(
            self._peer, self._max_head_bytes, self._burst, on_free=self._put_back, on_closed=self._closed_one
        )

    def _put_back(self, connection: Connection) -> None:
        connection.rest(self._idle_seconds)
        waiter = self._next_waiter()
        if waiter is None:
            self._idle[connection] = None
        else:
            self._handed_over.add(connection)
            waiter.set_result(connection)

    def _closed_one(self, connection: Connection) -> None:
        self._idle.pop(connection, None)
        if connection not in self._open:
            return  # it was never handed out: whoever dialled it answers for its place
        self._open.discard(connection)
        if connection not in self._handed_over:
            self._leave_place()

    def _leave_place(self) -> None:
        waiter = self._next_waiter()
        if waiter is None:
            self._places_taken -= 1
        else:
            waiter.set_result(None)

    def _next_waiter(self) -> asyncio.Future[Connection | None] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None
