"""Authorities that sign certificates of servers and clients, to test TLS with."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Pair:
    """A certificate, its key, and the certificates between it and its authority, as PEM."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    between: str = ""

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def written(self, folder: Path) -> tuple[str, str]:
        """The paths of the chain's file and of the key's."""
        name = f"{self.certificate.serial_number:x}"
        chain, key = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_text(self.pem + self.between)
        key.write_text(self.key_pem)
        return str(chain), str(key)


def authority(name: str, above: Pair | None = None) -> Pair:
    """A root, or an authority that another one has signed."""
    return _made(name, above, [(x509.BasicConstraints(ca=True, path_length=None), True)], timedelta(days=30))


def signed(by: Pair, usage: x509.ObjectIdentifier, *, ended: bool = False) -> Pair:
    """A certificate of a client, or of the server at 127.0.0.1; an ended one expired an hour ago."""
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.ExtendedKeyUsage([usage]), False),
        (x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False),
    ]
    return _made("leaf", by, extensions, timedelta(hours=-1) if ended else timedelta(days=1))


def client_context(server: Pair, shows: Pair | None, folder: Path) -> ssl.SSLContext:
    """For a client that trusts the server's authority and shows a certificate, or none."""
    context = ssl.create_default_context(cadata=server.pem)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # these authorities have the least that one must
    if shows is not None:
        context.load_cert_chain(*shows.written(folder))
    return context


def _made(name: str, above: Pair | None, extensions: list[tuple[x509.ExtensionType, bool]], lasts: timedelta) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = (subject, key) if above is None else (above.certificate.subject, above.key)
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + lasts)
    for extension, critical in (*extensions, (_identifier(signer), False)):
        made = made.add_extension(extension, critical)
    is_root = above is None or above.certificate.issuer == above.certificate.subject
    between = "" if above is None or is_root else above.pem + above.between
    return Pair(made.sign(signer, hashes.SHA256()), key, between)


def _identifier(signer: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
