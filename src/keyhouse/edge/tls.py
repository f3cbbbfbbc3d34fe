"""TLS that asks a client for its certificate and takes any, or none: whether it is good for a call is the gate's question.

Python's own `ssl` can ask only together with a fixed set of authorities, and ends the handshake of whoever shows another
certificate. So while any certificate is active somewhere, connections are spoken by OpenSSL through pyOpenSSL, behind the same
`wrap_bio` that uvloop calls; see docs/adr/0026.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL

from keyhouse.policy.client_certificates import Shown

_PIECE = 256 << 10


class ServerContext(ssl.SSLContext):
    """The server's certificate and key. `asks` tells at each new connection whether to ask for a certificate."""

    asks: Callable[[], bool]
    _asking: SSL.Context

    @classmethod
    def load(cls, cert_file: str, key_file: str) -> ServerContext:
        """From PEM files; asks nobody yet. Raises `OSError` (`ssl.SSLError` is one) for what is no certificate and its key."""
        context = cls(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert_file, key_file, password=lambda: b"")  # else OpenSSL asks at the terminal
        context.asks = lambda: False
        context._asking = _asking_context(cert_file, key_file)
        return context

    def wrap_bio(  # type: ignore[override]  # what is returned has what uvloop uses of an SSLObject
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, server_side: bool = True, *args: Any, **kwargs: Any
    ) -> ssl.SSLObject | AskedConnection:
        if not self.asks():
            return super().wrap_bio(incoming, outgoing, server_side, *args, **kwargs)
        return AskedConnection(SSL.Connection(self._asking, None), incoming, outgoing, self)


class AskedConnection:
    """The server's side of one connection, with the methods of `ssl.SSLObject` that a loop calls. Encrypted bytes come from
    `incoming` and go to `outgoing`."""

    def __init__(
        self, connection: SSL.Connection, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, context: ssl.SSLContext
    ) -> None:
        self.context = context
        self._connection = connection
        self._incoming = incoming
        self._outgoing = outgoing
        self._undigested = False
        connection.set_accept_state()

    def shown(self) -> Shown | None:
        """What the client showed, after the handshake."""
        try:
            chain = self._connection.get_peer_cert_chain(as_cryptography=True) or ()
            leaf = self._connection.get_peer_certificate(as_cryptography=True)
        except ValueError:  # OpenSSL reads more leniently
            return Shown([])
        return None if leaf is None else Shown([leaf, *(each for each in chain if each != leaf)])

    def do_handshake(self) -> None:
        self._step(self._connection.do_handshake)

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        """Decrypted bytes, or how many were put into the buffer; none at the client's end of TLS."""
        try:
            if buffer is not None:
                return self._step(lambda: self._connection.recv_into(buffer, size))
            return self._step(lambda: self._connection.recv(size))
        except ssl.SSLZeroReturnError:
            return b"" if buffer is None else 0

    def write(self, data: Any) -> int:
        sent: int = self._step(lambda: self._connection.send(data))
        return sent

    def unwrap(self) -> None:
        if not self._step(self._connection.shutdown):
            raise ssl.SSLWantReadError

    def pending(self) -> int:
        """Not 0 where a read may find something."""
        return 1 if self._undigested else 0

    def getpeercert(self, binary_form: bool = False) -> dict[str, Any]:  # noqa: ARG002 - as the loop calls it
        return {}

    def cipher(self) -> None:
        return None

    def compression(self) -> None:
        return None

    def _step(self, step: Callable[[], Any]) -> Any:
        """One step of OpenSSL, with the encrypted bytes before it and after it."""
        arrived = self._incoming.read()
        if arrived:
            self._undigested = True
            self._connection.bio_write(arrived)
        try:
            return step()
        except SSL.WantReadError:
            self._undigested = False
            raise ssl.SSLWantReadError from None
        except SSL.ZeroReturnError:
            self._undigested = False
            raise ssl.SSLZeroReturnError from None
        except SSL.Error as error:
            self._undigested = False
            raise ssl.SSLError(1, f"TLS failed: {error}") from None
        finally:
            self._send()

    def _send(self) -> None:
        try:
            while True:
                self._outgoing.write(self._connection.bio_read(_PIECE))
        except SSL.WantReadError:  # all of it has left
            return


def _asking_context(cert_file: str, key_file: str) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate_chain_file(cert_file)
    context.use_privatekey_file(key_file)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_NO_TICKET)
    # A session that is taken up again would not show the certificates between the client's and the authority's.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_verify(SSL.VERIFY_PEER, _any_certificate)
    return context


def _any_certificate(*_: object) -> bool:
    return True
