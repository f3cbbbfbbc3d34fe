"""Promises 10 and 11: whom the connection is made to, and how that is made sure of."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keyhouse.domain.addresses import is_public
from keyhouse.upstream.contract import AddressForbidden, ConnectRefused, ConnectTimeout, Origin, TlsFailed
from keyhouse.upstream.http import HttpTransport
from tests.upstream.conftest import Serve
from tests.upstream.transport_servers import OK, Exchange, answering, post, read_all


def _self_signed(folder: Path, *names: x509.GeneralName) -> Path:
    """A PEM file with a key and a certificate for these names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "upstream")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "upstream.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return pem


def _server_context(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    return _self_signed(tmp_path, x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost"))


# TLS.


@pytest.mark.parametrize(
    ("host", "name"),
    [("127.0.0.1", x509.IPAddress(ip_address("127.0.0.1"))), ("localhost", x509.DNSName("localhost"))],
)
async def test_a_certificate_of_the_given_ca_is_accepted(
    serve: Serve, transport: HttpTransport, tmp_path: Path, host: str, name: x509.GeneralName
) -> None:
    pem = _self_signed(tmp_path, name)

    async def handler(exchange: Exchange) -> None:
        assert exchange.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        while True:
            await exchange.request()
            await exchange.say(OK)

    server = await serve(handler, _server_context(pem))
    origin = server.origin(scheme="https", host=host, ca_file=str(pem))
    for _ in range(3):
        assert await read_all(await transport.send(origin, post())) == b"ok"
    assert server.accepted == 1


async def test_a_certificate_of_no_known_ca_is_refused(serve: Serve, transport: HttpTransport, pem: Path) -> None:
    server = await serve(answering(OK), _server_context(pem))
    with pytest.raises(TlsFailed, match="self-signed") as failed:
        await transport.send(server.origin(scheme="https"), post())
    assert not failed.value.sent
    assert server.requests == 0


async def test_a_certificate_for_another_name_is_refused(
    serve: Serve, transport: HttpTransport, tmp_path: Path
) -> None:
    pem = _self_signed(tmp_path, x509.DNSName("other.example"))
    server = await serve(answering(OK), _server_context(pem))
    with pytest.raises(TlsFailed, match="mismatch"):
        await transport.send(server.origin(scheme="https", ca_file=str(pem)), post())
    assert server.requests == 0


async def test_plain_text_where_tls_is_expected_is_refused(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await exchange.gone()

    server = await serve(handler)
    with pytest.raises(TlsFailed):
        await transport.send(server.origin(scheme="https"), post())


async def test_a_handshake_that_is_cut_off_is_a_tls_failure(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reader.read(1)

    server = await serve(handler)
    with pytest.raises(TlsFailed):
        await transport.send(server.origin(scheme="https"), post())


async def test_a_handshake_that_never_ends_is_a_connect_timeout(serve: Serve, transport: HttpTransport) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.gone()

    server = await serve(handler)
    with pytest.raises(ConnectTimeout):
        await transport.send(server.origin(scheme="https"), post(connect=0.1))
    await server.until(lambda s: s.open == 0)


@pytest.mark.parametrize("content", [None, "not a certificate"])
async def test_an_unusable_ca_file_is_a_tls_failure(
    serve: Serve, transport: HttpTransport, tmp_path: Path, content: str | None
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    server = await serve(answering(OK))
    with pytest.raises(TlsFailed, match=r"ca\.pem"):
        await transport.send(server.origin(scheme="https", ca_file=str(ca_file)), post())
    assert server.accepted == 0


async def test_a_large_body_passes_tls_both_ways(serve: Serve, transport: HttpTransport, pem: Path) -> None:
    body = bytes(range(256)) * 20_000

    async def handler(exchange: Exchange) -> None:
        _, received = await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(received) + received)
        await exchange.gone()

    server = await serve(handler, _server_context(pem))
    response = await transport.send(server.origin(scheme="https", ca_file=str(pem)), post(body=body))
    assert await read_all(response) == body


async def test_a_call_cancelled_over_tls_is_seen_at_once(serve: Serve, transport: HttpTransport, pem: Path) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.gone()

    server = await serve(handler, _server_context(pem))
    call = asyncio.create_task(transport.send(server.origin(scheme="https", ca_file=str(pem)), post()))
    await server.until(lambda s: s.requests == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await server.until(lambda s: s.open == 0)


# Proxies.


async def test_proxy_settings_of_the_environment_are_ignored(
    serve: Serve, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = await serve(answering(b"HTTP/1.1 502 Proxy\r\ncontent-length: 0\r\n\r\n"))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{proxy.port}")
    server = await serve(answering(OK))
    assert await read_all(await transport.send(server.origin(), post())) == b"ok"
    assert proxy.accepted == 0


# Addresses.


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "0.0.0.0"])
async def test_a_public_only_upstream_may_not_be_at_home(serve: Serve, transport: HttpTransport, host: str) -> None:
    server = await serve(answering(OK))
    with pytest.raises(AddressForbidden) as forbidden:
        await transport.send(server.origin(host=host, public_only=True), post())
    assert not forbidden.value.sent
    assert server.accepted == 0
    assert transport.connections(server.origin(host=host, public_only=True)) == 0


async def test_a_connection_of_one_rule_does_not_serve_the_other(serve: Serve, transport: HttpTransport) -> None:
    server = await serve(answering(OK))
    assert await read_all(await transport.send(server.origin(), post())) == b"ok"
    with pytest.raises(AddressForbidden):
        await transport.send(server.origin(public_only=True), post())


def _resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Makes every name resolve to the next of these answers; returns the names that were asked for."""
    asked: list[str] = []

    async def resolve(origin: Origin) -> list[tuple[socket.AddressFamily, str]]:
        asked.append(origin.host)
        return [(socket.AF_INET, address) for address in answers[min(len(asked), len(answers)) - 1]]

    monkeypatch.setattr("keyhouse.upstream.http.dial._resolve", resolve)
    return asked


async def test_only_vetted_addresses_are_connected_to(
    serve: Serve, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers with a private address beside a public one: the private one is never tried."""
    server = await serve(answering(OK))
    _resolving(monkeypatch, ["127.0.0.1", "192.0.2.1"])
    monkeypatch.setattr("keyhouse.upstream.http.dial.is_public", lambda address: address == "192.0.2.1")
    with pytest.raises((ConnectTimeout, ConnectRefused)):
        await transport.send(server.origin(host="two.example", public_only=True), post(connect=0.1))
    assert server.accepted == 0


async def test_the_name_is_not_resolved_again_after_vetting(
    serve: Serve, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is asked about first and private afterwards gains nothing by it."""
    server = await serve(answering(OK))
    asked = _resolving(monkeypatch, ["192.0.2.1"], ["127.0.0.1"])
    monkeypatch.setattr("keyhouse.upstream.http.dial.is_public", lambda address: address == "192.0.2.1")
    with pytest.raises((ConnectTimeout, ConnectRefused)):
        await transport.send(server.origin(host="rebinding.example", public_only=True), post(connect=0.1))
    assert asked == ["rebinding.example"]
    assert server.accepted == 0


async def test_the_next_address_is_tried_where_one_does_not_answer(
    serve: Serve, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve(answering(OK))
    with socket.create_server(("127.0.0.2", server.port), backlog=0):
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.2", server.port))
        _resolving(monkeypatch, ["127.0.0.3", "127.0.0.2", "127.0.0.1"])
        response = await transport.send(server.origin(host="three.example"), post(connect=0.6))
        assert await read_all(response) == b"ok"
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "168.63.129.16", "169.254.169.254", "172.16.0.1", "192.0.0.8",
        "192.0.2.1", "192.168.1.1", "198.18.0.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "100::1", "2001::1", "2001:db8::1",
        "2002:7f00:1::", "2002:a00:1::", "3fff::1", "5f00::1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
        "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


async def test_a_scheme_other_than_http_is_refused(transport: HttpTransport) -> None:
    with pytest.raises(ValueError, match="scheme"):
        await transport.send(Origin("ftp", "127.0.0.1", 21), post())
