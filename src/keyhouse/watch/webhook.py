"""Webhooks: one POST to an address that was vetted, within ten seconds in all. Redirects are not followed."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import httptools

from keyhouse.domain.addresses import is_public
from keyhouse.domain.errors import shown
from keyhouse.domain.notices import Notice
from keyhouse.watch.delivery import SECONDS, NotDeliveredError
from keyhouse.watch.signing import Signer

_MOST_BYTES = 64 << 10
_GONE = 410


class WebhookSender:
    """`delivery.Deliver` for webhooks. Unless `private`, only receivers with a public address are reached.

    `ssl_context` is for tests; None verifies against the system's authorities.
    """

    def __init__(
        self, signer: Signer, *, private: bool, ssl_context: ssl.SSLContext | None = None, seconds: float = SECONDS
    ) -> None:
        self._signer = signer
        self._private = private
        self._ssl_context = ssl_context
        self._seconds = seconds

    def __call__(self, notice: Notice) -> None:
        body = notice.payload.encode()
        headers = self._signer.headers(notice.organization_id, notice.id, body)
        url = urlsplit(notice.destination)
        try:
            status = self._status(url, _request(url, headers, body))
        except TimeoutError:
            raise NotDeliveredError(f"The receiver did not answer within {self._seconds:g} s.") from None
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", None) or error.reason or "no TLS"
            raise NotDeliveredError(f"The receiver failed the TLS handshake ({why}).") from None
        except httptools.HttpParserError:
            raise NotDeliveredError("The receiver answered what is not HTTP.") from None
        except OSError as error:
            raise NotDeliveredError(f"The receiver could not be reached ({error.strerror or 'cut off'}).") from None
        if not 200 <= status < 300:
            what = " with a redirect, which is not followed" if 300 <= status < 400 else ""
            raise NotDeliveredError(f"The receiver answered {status}{what}.", final=status == _GONE)

    def _status(self, url: SplitResult, request: bytes) -> int:
        deadline = time.monotonic() + self._seconds
        host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
        with _connected(self._vetted(url.scheme, host, port), deadline) as plain:
            if url.scheme != "https":
                return _exchange(plain, request, deadline)
            context = self._ssl_context or ssl.create_default_context()
            plain.settimeout(_left(deadline))
            with context.wrap_socket(plain, server_hostname=host) as connection:
                return _exchange(connection, request, deadline)

    def _vetted(self, scheme: str, host: str, port: int) -> list[_Address]:
        """Connecting goes to what was looked at here: a name that answers otherwise a moment later changes nothing."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            raise NotDeliveredError(f"The receiver's name '{shown(host)}' could not be resolved.") from None
        addresses = [_Address(family, sockaddr) for family, _, _, _, sockaddr in found]
        if scheme != "https":
            addresses = [a for a in addresses if ipaddress.ip_address(str(a.socket[0]).partition("%")[0]).is_loopback]
        if not self._private:
            addresses = [address for address in addresses if is_public(str(address.socket[0]))]
        if not addresses:
            message = f"'{shown(host)}' has no address that webhooks may go to; KEYHOUSE_WEBHOOK_PRIVATE=on allows private ones."
            raise NotDeliveredError(message)
        return addresses


class _Address(NamedTuple):
    family: int
    socket: tuple[object, ...]


class _Head:
    """What the parser tells. An interim answer (1xx) is not the answer."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()


def _request(url: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    head = {
        "Host": url.netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "User-Agent": "keyhouse",
        "Connection": "close",
        **headers,
    }
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _connected(addresses: list[_Address], deadline: float) -> socket.socket:
    failure: OSError = ConnectionRefusedError()
    for tried, (family, address) in enumerate(addresses):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            # An address that swallows packets uses up its share only.
            connection.settimeout(_left(deadline) / (len(addresses) - tried))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _exchange(connection: socket.socket, request: bytes, deadline: float) -> int:
    connection.settimeout(_left(deadline))
    connection.sendall(request)
    head, read = _Head(), 0
    while head.status < 200:
        connection.settimeout(_left(deadline))
        data = connection.recv(4096)
        read += len(data)
        if not data or read > _MOST_BYTES:
            raise NotDeliveredError("The receiver's answer was cut off, or has no end.")
        head.parser.feed_data(data)
    return head.status


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
