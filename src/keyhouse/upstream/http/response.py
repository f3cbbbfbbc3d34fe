"""A response whose head has arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from keyhouse.upstream.contract import Header, Truncated

if TYPE_CHECKING:
    from keyhouse.upstream.http.connection import Connection


class HttpResponse:
    """`contract.UpstreamResponse`. Holds its connection until it is closed or read to its end."""

    __slots__ = ("_connection", "_failure", "_idle_seconds", "headers", "status")

    def __init__(self, connection: Connection, status: int, headers: list[Header], idle_seconds: float) -> None:
        self.status = status
        self.headers = headers
        self._connection: Connection | None = connection
        self._idle_seconds = idle_seconds
        self._failure: BaseException | None = None

    async def read(self) -> bytes:
        """Everything that has arrived since the last read, at least one byte; `b""` at the end."""
        connection = self._connection
        if connection is None:
            return self._after_the_end()
        pieces = connection.parser.pieces
        if not pieces and not connection.parser.complete and connection.failure is None:
            await connection.wait_for_body(self._idle_seconds)
        if pieces:
            return connection.take_body()
        self._failure = connection.failure
        self._release(connection)
        return self._after_the_end()

    async def hand_on(self, take: Callable[[bytes], bool]) -> bool:
        connection = self._connection
        if connection is None:
            return not self._after_the_end()
        await connection.hand_on(take, self._idle_seconds)
        if not connection.is_over():
            return False
        self._failure = connection.failure
        self._release(connection)
        return not self._after_the_end()

    def close(self) -> None:
        connection = self._connection
        if connection is None:
            return
        if connection.is_unfinished():
            self._failure = Truncated("the response was closed before it was read to its end")
            connection.fail(self._failure)
        self._release(connection)

    def _release(self, connection: Connection) -> None:
        self._connection = None
        connection.finish()

    def _after_the_end(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        return b""
