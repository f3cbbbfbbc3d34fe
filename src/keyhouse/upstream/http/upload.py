"""Streams a request's body with backpressure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from keyhouse.upstream.contract import UpstreamRequest

if TYPE_CHECKING:
    from keyhouse.upstream.http.connection import Connection

_PIECE_BYTES = 256 * 1024


async def upload(connection: Connection, head: bytes, request: UpstreamRequest) -> None:
    """Writes head and body, never more ahead of the upstream than the socket's buffers and one piece.

    Ends early when the connection does. Raises what the caller's iterator raises, and `ValueError` where it does not
    yield exactly `content_length` bytes. The iterator is closed in any case.
    """
    body = request.body
    if isinstance(body, bytes):
        await _write_all(connection, head, _in_pieces(body), len(body), request.timeouts.idle)
        return
    try:
        await _write_all(connection, head, body, request.content_length, request.timeouts.idle)
    finally:
        aclose = getattr(body, "aclose", None)
        if aclose is not None:
            await aclose()


async def _write_all(
    connection: Connection,
    head: bytes,
    pieces: AsyncIterator[bytes],
    length: int | None,
    idle_seconds: float,
) -> None:
    connection.write(head, idle_seconds)
    sent = 0
    async for piece in pieces:
        sent += len(piece)
        if length is not None and sent > length:
            raise ValueError("the body is longer than its content_length")
        if length is not None:
            connection.write(piece, idle_seconds)
        elif piece:
            connection.write(b"%x\r\n%b\r\n" % (len(piece), piece), idle_seconds)
        await connection.drain()
        if connection.closed:
            return
    if length is None:
        connection.write(b"0\r\n\r\n", idle_seconds)
    elif sent < length:
        raise ValueError("the body is shorter than its content_length")


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """A large body piece by piece, so that its progress is seen and no buffer holds a second copy of it."""
    for start in range(0, len(body), _PIECE_BYTES):
        yield body[start : start + _PIECE_BYTES]
