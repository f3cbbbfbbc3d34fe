"""Opens connections: resolve, vet, connect to what was vetted, verify."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

from keyhouse.domain.addresses import is_public
from keyhouse.upstream.contract import (
    AddressForbidden,
    ConnectRefused,
    ConnectTimeout,
    NotSent,
    Origin,
    TlsFailed,
)
from keyhouse.upstream.http.tls import client_context

_P = TypeVar("_P", bound=asyncio.BaseProtocol)
_Address = tuple[socket.AddressFamily, str]


async def dial(origin: Origin, seconds: float, make: Callable[[], _P]) -> _P:
    """Connects within `seconds` in total, trying the name's addresses in the resolver's order.

    Raises `ConnectRefused`, `ConnectTimeout`, `AddressForbidden` or `TlsFailed`. No proxy is ever used.
    """
    try:
        async with asyncio.timeout(seconds):
            context = await client_context(origin.ca_file) if origin.scheme == "https" else None
            addresses = _vetted(origin, await _resolve(origin))
            return await _first_that_answers(origin, addresses, seconds, context, make)
    except TimeoutError:
        raise ConnectTimeout(f"{origin.host}:{origin.port} could not be connected to within {seconds:g} s") from None


async def _resolve(origin: Origin) -> list[_Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror if isinstance(error, socket.gaierror) else "not a host name"
        raise ConnectRefused(f"{origin.host} could not be resolved ({why})") from None
    return list(dict.fromkeys((family, str(sockaddr[0])) for family, _, _, _, sockaddr in found))


def _vetted(origin: Origin, addresses: list[_Address]) -> list[_Address]:
    if not origin.public_only:
        return addresses
    public = [address for address in addresses if is_public(address[1])]
    if not public:
        raise AddressForbidden(f"{origin.host} has no public address, and this upstream may use no other")
    return public


async def _first_that_answers(
    origin: Origin, addresses: list[_Address], seconds: float, context: ssl.SSLContext | None, make: Callable[[], _P]
) -> _P:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    failure: OSError | None = None
    for tried, (family, address) in enumerate(addresses):
        # An address that swallows packets may only use up its share: the next one must still get a chance.
        share = (deadline - loop.time()) / (len(addresses) - tried)
        try:
            async with asyncio.timeout(share):
                _, protocol = await loop.create_connection(
                    make,
                    address,
                    origin.port,
                    family=family,
                    ssl=context,
                    server_hostname=origin.host if context else None,
                )
                return protocol
        except ssl.SSLError as error:
            raise TlsFailed(f"{origin.host}:{origin.port} failed the TLS handshake ({_tls_reason(error)})") from None
        except OSError as error:
            failure = error
    raise _translated(origin, failure) from None


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return str(error.reason or "ended early")


def _translated(origin: Origin, failure: OSError | None) -> NotSent | TimeoutError:
    if isinstance(failure, TimeoutError):
        return failure
    peer = f"{origin.host}:{origin.port}"
    if origin.scheme == "https" and isinstance(
        failure, ConnectionResetError | ConnectionAbortedError | BrokenPipeError
    ):
        return TlsFailed(f"{peer} ended the connection during the TLS handshake")
    return ConnectRefused(f"{peer} could not be connected to ({failure.strerror if failure else 'no address'})")
