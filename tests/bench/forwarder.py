"""A gateway that does nothing: it forwards bytes between its clients and the upstream.

python forwarder.py PORT UPSTREAM_URL
"""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import urlsplit


async def serve(port: int, upstream_port: int) -> None:
    """Forwards until the process is ended."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_upstream = await asyncio.open_connection("127.0.0.1", upstream_port)
        await asyncio.gather(_copy(reader, to_upstream), _copy(there, writer))

    async with await asyncio.start_server(client, "127.0.0.1", port) as server:
        await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), urlsplit(sys.argv[2]).port or 80))
