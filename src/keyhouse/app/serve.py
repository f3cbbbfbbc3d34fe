"""`keyhouse up`: one process, one event loop, one port."""

from __future__ import annotations

import contextlib
import functools
import gc
import ipaddress
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import uvicorn
import uvloop

from keyhouse.app import first, logs
from keyhouse.app.asgi import application
from keyhouse.app.gateway import Gateway, recovered_intents
from keyhouse.app.house import Opened, first_organization, opened
from keyhouse.app.server import Server
from keyhouse.control import house_settings
from keyhouse.control.setup import FirstFacts
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.edge.http1 import GatewayProtocol
from keyhouse.ledger.intents import Intents
from keyhouse.settings import Settings, SettingsError, differing
from keyhouse.upstream.local import LocalModels

if TYPE_CHECKING:
    from keyhouse.edge.tls import ServerContext

_BACKLOG = 2048


def serve(settings: Settings, warnings: Sequence[str]) -> int:
    """Runs until it is told to stop (SIGTERM, SIGINT). Returns the exit code; raises `KeyhouseError` if it cannot start."""
    logs.configure(settings.log_level, settings.log_format)
    for warning in [*warnings, *_exposure(settings)]:
        _say(f"Warning: {warning}")
    tls = tls_of(settings)
    with opened(settings, create=True) as house, contextlib.closing(_listen(settings)) as listener:
        intents = recovered_intents(settings.data, house)
        facts = first.initialise(house) if first_organization(house.store) is None else None
        house_settings.remember(house.control, house.caller, differing(settings))
        uvloop.run(_run(house, intents, listener, tls, facts))
    return 0


async def _run(
    house: Opened, intents: Intents, listener: socket.socket, tls: ServerContext | None, facts: FirstFacts | None
) -> None:
    settings = house.settings
    local = LocalModels(settings.data, _say) if settings.local_model else None
    gateway = Gateway(settings, house, intents, local)
    if tls is not None:
        tls.asks = gateway.trust.is_used
    config = uvicorn.Config(
        application(gateway),
        http=functools.partial(GatewayProtocol, lobby=gateway.lobby),  # type: ignore[arg-type]  # any factory will do
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    server = Server(config, gateway.cut_calls, settings.shutdown_grace)
    async with _running(gateway):
        _settle_memory()
        _greet(settings, listener, facts)
        await server.serve(sockets=[listener])


def tls_of(settings: Settings) -> ServerContext | None:
    """What serves HTTPS; None where it is off. Raises `SettingsError` for files that cannot be used."""
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return None
    from keyhouse.edge.tls import ServerContext  # who serves plain HTTP does not pay for a second OpenSSL

    try:
        return ServerContext.load(settings.tls_cert_file, settings.tls_key_file)
    except OSError as error:
        why = getattr(error, "reason", None) or error.strerror or "no certificate and its key"
        files = f"{settings.tls_cert_file} (KEYHOUSE_TLS_CERT_FILE) and {settings.tls_key_file} (KEYHOUSE_TLS_KEY_FILE)"
        raise SettingsError(
            f"HTTPS cannot be served with {files}: {why}. They must be a PEM certificate chain and its private key, unencrypted."
        ) from None


@contextlib.asynccontextmanager
async def _running(gateway: Gateway) -> AsyncIterator[None]:
    await gateway.start()
    try:
        yield
    finally:
        await gateway.stop()


def _settle_memory() -> None:
    """What start-up built lives as long as the process: no collection looks at it again, and the others come less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _listen(settings: Settings) -> socket.socket:
    """Bound before anything is started, so that a taken port is a sentence and not a half-started house."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        message = f"Cannot listen on {settings.host} port {settings.port}: {error.strerror or error}."
        raise KeyhouseError(ErrorCode.CONFLICT, message) from None
    return listener


def _greet(settings: Settings, listener: socket.socket, facts: FirstFacts | None) -> None:
    host, port = listener.getsockname()[:2]
    scheme = "https" if settings.tls_cert_file else "http"
    shown = "127.0.0.1" if host == "0.0.0.0" else "[::1]" if host == "::" else f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}:{port}"
    if facts is not None:
        print(first.told(facts, url, local_model=settings.local_model), flush=True)
    listener.listen(_BACKLOG)  # whoever reads the next line may connect at once
    _say(f"Keyhouse is open at {url} (data in {settings.data.absolute()}).")


def _exposure(settings: Settings) -> list[str]:
    try:
        private = ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        private = settings.host == "localhost"
    if private or settings.tls_cert_file is not None or settings.trusted_proxies:
        return []
    return [
        f"keys travel unencrypted to {settings.host}: set KEYHOUSE_TLS_CERT_FILE and KEYHOUSE_TLS_KEY_FILE, or "
        "KEYHOUSE_TRUSTED_PROXIES if a proxy in front ends TLS."
    ]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
