"""What the call's path asks of whoever carries a request upstream.

A transport keeps these promises (`tests/upstream/test_transport*.py` hold every implementation to them):

 1. A cancelled call closes its upstream connection at once: before the head, during the upload and in the body.
 2. A request is never sent twice. `UpstreamError.sent` tells whether the upstream may have seen it.
 3. Refused, dropped after sending, and the connect, first-byte and idle timeouts are told apart.
 4. A body shorter or longer than its framing says is an error, never a short answer.
 5. Content-Length with Transfer-Encoding, and response heads over the cap, are refused.
 6. Bytes on an idle connection are poison: that connection is closed, not reused.
 7. Headers keep their order, their duplicates and their non-ASCII bytes; compressed bodies pass untouched.
 8. Uploads and downloads stream with backpressure and constant memory.
 9. The pool is bounded, and so is the wait for a place in it.
10. The address that was vetted is the address that is connected to.
11. Proxy settings of the environment are ignored; TLS certificates are verified, with a custom CA where one is given.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests of one upstream go. `base_path` has no trailing slash: `/v1`, or empty."""

    scheme: str
    host: str
    port: int
    base_path: str = ""
    ca_file: str | None = None
    """PEM bundle to trust instead of the system's."""
    public_only: bool = False
    """Refuse loopback, private, link-local and otherwise non-global addresses, checked on the address connected to."""

    @property
    def authority(self) -> str:
        """The `Host` header: host, and port where it is not the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `pool`: for a place in the pool; `first_byte`: from the request sent to the response head;
    `idle`: between two reads of the body, and between two writes of the upload."""

    pool: float = 5.0
    connect: float = 10.0
    first_byte: float = 600.0
    idle: float = 120.0


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One request, complete. `path` is the raw request target after the base path, query included (`/chat/completions`).

    `headers` are sent as they are, after the transport's own `host`, `content-length` or `transfer-encoding`; they must
    not repeat those. `body` is bytes, or an async iterator for uploads (`content_length` None: chunked), which is closed when
    the sending of it ends. Neither shows in the repr: both hold secrets.
    """

    method: str
    path: str
    headers: Sequence[Header] = field(repr=False)
    body: bytes | AsyncIterator[bytes] = field(default=b"", repr=False)
    content_length: int | None = None
    timeouts: Timeouts = Timeouts()


class UpstreamResponse(Protocol):
    """A response whose head has arrived. `close` must be called exactly when the caller is done, read to the end or not."""

    status: int
    headers: list[Header]
    """Names lower-cased, values as sent, in order, hop-by-hop ones included."""

    async def read(self) -> bytes:
        """The next bytes of the body, as they arrived (transfer coding removed, content coding kept); `b""` at its end.

        Raises `UpstreamError` (`idle_timeout`, `truncated`, `protocol`).
        """
        ...

    async def hand_on(self, take: Callable[[bytes], bool]) -> bool:
        """Gives `take` what arrives, in the very moment it arrives, until it returns False or the body has ended: then True.

        For streams: no task is woken for a piece. `take` must be quick and must not raise. Raises as `read` does.
        """
        ...

    def close(self) -> None:
        """Idempotent. A body read to its end gives the connection back to the pool; anything else closes it at once."""
        ...


class Transport(Protocol):
    async def send(self, origin: Origin, request: UpstreamRequest) -> UpstreamResponse:
        """Sends the request once and waits for the response head (1xx are skipped). Raises `UpstreamError`."""
        ...

    async def aclose(self) -> None:
        """Closes every connection, idle or not."""
        ...


class UpstreamError(Exception):
    """An exchange with an upstream that failed.

    UpstreamError
    ├── NotSent               nothing reached the upstream: another target may be tried
    │   ├── ConnectRefused    refused, unreachable or unresolvable
    │   ├── ConnectTimeout
    │   ├── AddressForbidden  the name resolves to an address this upstream may not use
    │   ├── TlsFailed         the certificate or the handshake
    │   └── PoolTimeout       no free connection within `Timeouts.pool`
    └── MaybeSent             the upstream may have acted on it: never sent again
        ├── Dropped           the connection ended before the response head
        ├── FirstByteTimeout
        ├── IdleTimeout
        ├── Truncated         the body ended before its framing said so
        └── ProtocolViolation malformed head or framing, over-long body, head over the cap
    """

    code = "upstream_error"
    sent = False


class NotSent(UpstreamError):  # noqa: N818 - the names say what happened, the base says it is an error
    """Nothing reached the upstream."""


class ConnectRefused(NotSent):
    code = "upstream_unreachable"


class ConnectTimeout(NotSent):
    code = "upstream_connect_timeout"


class AddressForbidden(NotSent):
    code = "upstream_address_forbidden"


class TlsFailed(NotSent):
    code = "upstream_tls_failed"


class PoolTimeout(NotSent):
    code = "upstream_pool_exhausted"


class MaybeSent(UpstreamError):  # noqa: N818
    """The upstream may have acted on the request."""

    sent = True


class Dropped(MaybeSent):
    code = "upstream_dropped"


class FirstByteTimeout(MaybeSent):
    code = "upstream_first_byte_timeout"


class IdleTimeout(MaybeSent):
    code = "upstream_idle_timeout"


class Truncated(MaybeSent):
    code = "upstream_truncated"


class ProtocolViolation(MaybeSent):
    code = "upstream_protocol_violation"
