"""Real servers in the test's own loop: a whole gateway on a house of its own, or the edge alone before a function."""

from __future__ import annotations

import asyncio
import atexit
import functools
import shutil
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from keyhouse.app import first
from keyhouse.app.asgi import application
from keyhouse.app.gateway import Gateway, recovered_intents
from keyhouse.app.house import Opened, opened
from keyhouse.app.serve import tls_of
from keyhouse.control import keys, upstreams
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.keys import Created
from keyhouse.control.minting import Holder
from keyhouse.control.setup import FirstFacts
from keyhouse.control.upstream_fields import UpstreamFields
from keyhouse.domain.errors import ErrorCode
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.usage import RefusedCall, UsageRow
from keyhouse.edge.exchange import Exchange
from keyhouse.edge.http1 import GatewayProtocol
from keyhouse.edge.lobby import Lobby
from keyhouse.settings import Settings

GRACE_SECONDS = 2


@cache
def _template() -> tuple[Path, FirstFacts]:
    """A house that was initialised once for the whole run: hashing a password and importing prices take their time."""
    folder = Path(tempfile.mkdtemp(prefix="keyhouse-gateway-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with opened(Settings(data=folder / "data"), create=True) as house:
        facts = first.initialise(house)
    return folder / "data", facts


@dataclass
class RunningHouse:
    """A gateway that serves on `port`. What a person would do at the terminal is a method."""

    data: Path
    facts: FirstFacts
    opened: Opened
    gateway: Gateway
    server: uvicorn.Server
    port: int

    @property
    def bearer(self) -> bytes:
        """The header line of the first project key."""
        return b"authorization: Bearer " + self.facts.api_key.encode() + b"\r\n"

    async def do(self, verb: Callable[..., Any], *args: object, **named: object) -> Any:
        """A use case of control by the operator, in a worker thread: when it returns, this gateway obeys."""
        return await asyncio.to_thread(verb, self.gateway.control, self.opened.caller, *args, **named)

    async def key(self, project_id: str | None = None, **fields: object) -> Created:
        """A new key of the owner's."""
        holder = Holder(KeyKind.USER, project_id or self.facts.project_id, self._owner())
        created: Created = await self.do(keys.create, holder, KeyFields(**{"name": "Alice's laptop", **fields}))
        return created

    async def upstream(self, port: int, *models: str) -> None:
        """An upstream on a port of this machine."""
        fields = UpstreamFields(f"at-{port}", f"http://127.0.0.1:{port}/v1", "sk-upstream", models)
        await self.do(upstreams.add, fields, lambda *_: [])

    def rows(self) -> list[UsageRow]:
        """The ledger."""
        rows: list[UsageRow] = []
        seq = 0
        while kept := self.opened.store.ledger.since(seq):
            rows += [entry.row for entry in kept]
            seq = kept[-1].seq
        return rows

    def refused(self) -> list[RefusedCall]:
        """The log of refusals, newest first, with what waits to be written."""
        self.gateway._refusals.flush()
        with self.opened.store.read() as tx:
            return list(tx.refusals.newest(self.facts.organization_id))

    def _owner(self) -> str:
        with self.opened.store.read() as tx:
            return str(tx.people.owners(self.facts.organization_id)[0][0].id)


@asynccontextmanager
async def running_house(folder: Path, **settings: Any) -> AsyncIterator[RunningHouse]:
    """A gateway on a fresh house in `folder`, without the built-in models, on a port of the system's choice."""
    template, facts = _template()
    shutil.copytree(template, folder / "data")
    chosen = Settings(data=folder / "data", local_model=False, **settings)
    with opened(chosen) as house:
        gateway = Gateway(chosen, house, recovered_intents(chosen.data, house), None)
        tls = tls_of(chosen)
        if tls is not None:
            tls.asks = gateway.trust.is_used
        await gateway.start()
        try:
            async with _served(application(gateway), gateway.lobby, tls) as server:
                yield RunningHouse(chosen.data, facts, house, gateway, server, _port(server))
        finally:
            await gateway.stop()


@dataclass
class RunningEdge:
    """The edge alone. `refusals` are the codes that no exchange is behind."""

    server: uvicorn.Server
    lobby: Lobby
    port: int
    refusals: list[ErrorCode]

    def stop(self) -> None:
        """As SIGTERM does it."""
        self.server.should_exit = True


@asynccontextmanager
async def running_edge(
    serve: Callable[[Exchange], Coroutine[Any, Any, None]], **bounds: Any
) -> AsyncIterator[RunningEdge]:
    """The edge before `serve`; what is not the data plane's goes to an ASGI application that answers 404."""
    refusals: list[ErrorCode] = []
    defaults: dict[str, Any] = {
        "head_timeout": 10.0,
        "keep_alive": 75.0,
        "max_headers": 100,
        "max_header_bytes": 64 << 10,
        "body_min_rate": 1024,
        "max_connections": 100,
        "max_connections_per_address": 100,
    }
    lobby = Lobby(serve, refusals.append, **(defaults | bounds))
    time = asyncio.create_task(lobby.keep_time())
    try:
        async with _served(_nothing_here, lobby) as server:
            yield RunningEdge(server, lobby, _port(server), refusals)
    finally:
        time.cancel()


@asynccontextmanager
async def _served(app: ASGIApp, lobby: Lobby, tls: ssl.SSLContext | None = None) -> AsyncIterator[uvicorn.Server]:
    """As `keyhouse up` does it, but for the signals."""
    config = uvicorn.Config(
        app,
        http=functools.partial(GatewayProtocol, lobby=lobby),  # type: ignore[arg-type]  # any factory will do
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server._serve([listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield server
    finally:
        server.should_exit = True
        for connection in list(server.server_state.connections):
            connection.transport.abort()  # what a test left open is not waited for
        await serving


def _port(server: uvicorn.Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


async def _nothing_here(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"7")]})
    await send({"type": "http.response.body", "body": b"nothing"})
