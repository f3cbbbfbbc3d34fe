"""Receivers on loopback: an HTTP server that answers as it is told, and an SMTP server that keeps what it gets."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import hmac
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Posted(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers each POST with the next of `answers`, the last one for ever: a status, or a function that takes the handler."""

    def __init__(
        self, *answers: int | Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None
    ) -> None:
        self.answers = list(answers) or [200]
        self.posted: list[Posted] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.posted.append(Posted(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                answer = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                if callable(answer):
                    answer(self)
                    return
                self.send_response(answer)
                self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}/hook?a=1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def slow(seconds: float) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answers one byte at a time, for that long, and never ends."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        end = time.monotonic() + seconds
        with contextlib.suppress(OSError):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
            while time.monotonic() < end:
                handler.wfile.write(b"y")
                time.sleep(0.02)
        handler.close_connection = True

    return answer


def raw(data: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answers these bytes and hangs up."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return answer


def signature_of(secret: str, posted: Posted) -> str:
    """What `webhook-signature` must be, from the specification's words."""
    head = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, head + posted.body, hashlib.sha256).digest()).decode()


class MailSink:
    """An SMTP server that keeps mail. `refusals`: an address → its answer. `login`: what AUTH PLAIN must be."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []
        self.refusals: dict[str, str] = {}
        self.lines: list[str] = []
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                if tls is not None:
                    self._wrap(tls)
                with contextlib.suppress(OSError):
                    self._talk()

            def _wrap(self, context: ssl.SSLContext) -> None:
                self.request = context.wrap_socket(self.request, server_side=True)
                self.connection = self.request
                self.rfile = self.request.makefile("rb")
                self.wfile = self.request.makefile("wb", 0)

            def _say(self, line: str) -> None:
                self.wfile.write(line.encode() + b"\r\n")

            def _talk(self) -> None:
                to = ""
                self._say("220 sink")
                while line := self.rfile.readline().decode().strip():
                    sink.lines.append(line)
                    verb = line.upper().partition(" ")[0]
                    if verb == "EHLO":
                        extra = "\r\n".join(["250-sink", *(["250-STARTTLS"] if starttls else []), "250-AUTH PLAIN"])
                        self._say(f"{extra}\r\n250 SMTPUTF8")
                    elif verb == "STARTTLS" and starttls is not None:
                        self._say("220 go")
                        self._wrap(starttls)
                    elif verb == "AUTH":
                        given = tuple(base64.b64decode(line.split()[2]).decode().split("\0")[1:])
                        self._say("235 ok" if given == login else f"535 no such user {given[0]}")
                    elif verb == "RCPT":
                        to = line.partition("<")[2].partition(">")[0]
                        self._say(sink.refusals.get(to, "250 ok"))
                    elif verb == "DATA":
                        self._say("354 go on")
                        data = b""
                        while (piece := self.rfile.readline()) not in {b".\r\n", b""}:
                            data += piece
                        sink.mails.append((to, message_from_bytes(data, policy=default)))
                        self._say("250 kept")
                    elif verb == "QUIT":
                        self._say("221 bye")
                        return
                    else:
                        self._say("250 ok")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def running(*servers: Receiver | MailSink) -> Iterator[None]:
    try:
        yield
    finally:
        for server in servers:
            server.close()


def tls_pair(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(a server's context for 127.0.0.1, a client's that trusts it)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "receiver.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))
