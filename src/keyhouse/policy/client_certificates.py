"""Mutual TLS: whether the certificate that a client showed on its connection is good for the project that it calls.

The handshake has proved that the client holds the certificate's key, and nothing else: whose certificates count is decided here,
by what is active for the project, call by call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, VerificationError

from keyhouse.domain.certificates import Activation, Certificate
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.policy.keyring import Credential
from keyhouse.store.contract import Store

MAX_INTERMEDIATES = 10
_REMEMBERED = 100
_NOT_GOOD = (VerificationError, ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
"""What `cryptography` raises for a certificate that leads to no anchor, and for one that is broken."""


class Shown:
    """The certificates that a client showed on one connection, its own first; none if they are broken. For one thread."""

    def __init__(self, chain: Sequence[x509.Certificate]) -> None:
        self.chain = chain
        self._good: dict[Anchors, int] = {}

    def is_good_for(self, anchors: Anchors, now: int) -> bool:
        """Whether one of the anchors is behind it at `now` (Unix seconds). What was found good is remembered until it ends."""
        until = self._good.get(anchors)
        if until is not None and now < until:
            return True
        until = anchors.end_of(self.chain, now)
        if until is None:
            return False
        if len(self._good) >= _REMEMBERED:
            self._good.clear()
        self._good[anchors] = until
        return True


class Anchors:
    """The certificates that are active for one project: authorities, and single clients' own."""

    def __init__(self, certificates: Iterable[Certificate]) -> None:
        loaded = [x509.load_pem_x509_certificate(certificate.content.encode()) for certificate in certificates]
        self._own = {certificate.fingerprint(SHA256()) for certificate in loaded}
        self._store = verification.Store(loaded)

    def end_of(self, chain: Sequence[x509.Certificate], now: int) -> int | None:
        """When the chain that leads from this one's first to an anchor ends (Unix seconds); None: none does at `now`."""
        if not chain:
            return None
        leaf, *others = chain
        if leaf.fingerprint(SHA256()) in self._own:
            path = [leaf]
        else:
            policy = PolicyBuilder().store(self._store).time(datetime.fromtimestamp(now, UTC))
            verifier = policy.extension_policies(ca_policy=_AUTHORITY, ee_policy=_CLIENT).build_client_verifier()
            try:
                path = verifier.verify(leaf, others[:MAX_INTERMEDIATES]).chain
            except _NOT_GOOD:
                return None
        begins = max(certificate.not_valid_before_utc for certificate in path).timestamp()
        ends = min(certificate.not_valid_after_utc for certificate in path).timestamp()
        return int(ends) if begins <= now < ends else None


class ClientTrust:
    """What is active, by project. `anchors` is empty where no certificate is active at all; it is replaced at each change."""

    def __init__(self, anchors: Mapping[str, Anchors]) -> None:
        self.anchors = anchors

    def is_used(self) -> bool:
        """Whether any certificate is active: then clients are asked for theirs."""
        return bool(self.anchors)

    def of(self, credential: Credential) -> Anchors | None:
        """What holds for a call; None: it needs no certificate."""
        return self.anchors.get(credential.project_id) or self.anchors.get(credential.organization_id)


def load_anchors(store: Store) -> dict[str, Anchors]:
    """What is active now, by project, and by organization for its other projects. Blocks."""
    with store.read() as tx:
        return anchors_of(tx.certificates.in_force())


def anchors_of(active: Iterable[Activation]) -> dict[str, Anchors]:
    """An organization's certificates count in each of its projects, beside the project's own."""
    everywhere: dict[str, list[Certificate]] = defaultdict(list)
    projects: dict[tuple[str, str], list[Certificate]] = defaultdict(list)
    for certificate, project_id in ((item.certificate, item.project_id) for item in active):
        if project_id is None:
            everywhere[certificate.organization_id].append(certificate)
        else:
            projects[certificate.organization_id, project_id].append(certificate)
    found = {organization_id: Anchors(certificates) for organization_id, certificates in everywhere.items()}
    for (organization_id, project_id), certificates in projects.items():
        found[project_id] = Anchors([*everywhere.get(organization_id, ()), *certificates])
    return found


def require_certificate(
    trust: ClientTrust, credential: Credential, of_connection: Callable[[], Shown | None], now: int
) -> None:
    """Raises 403 where the project needs a certificate and the connection has none that is good for it at `now`."""
    anchors = trust.of(credential)
    if anchors is None:
        return
    shown = of_connection()
    if shown is not None and shown.is_good_for(anchors, now):
        return
    what = f"Project {credential.project_id} takes calls with a client certificate only (mutual TLS)"
    if shown is None:
        message = f"{what}, and this connection showed none. Connect over TLS with a certificate."
        raise KeyhouseError(ErrorCode.CLIENT_CERTIFICATE_REQUIRED, message)
    message = (
        f"{what}, and the one that was shown is expired, or no certificate that is active for the project is behind it."
    )
    raise KeyhouseError(ErrorCode.CLIENT_CERTIFICATE_INVALID, message)


def _signs(_: verification.Policy, __: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("not made to sign certificates")


def _identifies_a_client(_: verification.Policy, __: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    allowed = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if usage is not None and not allowed & set(usage):
        raise ValueError("not made for clients")


# A company's own authority often leaves out what public ones must have: key usages, and names besides the subject.
_AUTHORITY = ExtensionPolicy.webpki_defaults_ca().may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs)
_CLIENT = (
    ExtensionPolicy.webpki_defaults_ee()
    .may_be_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _identifies_a_client)
)
