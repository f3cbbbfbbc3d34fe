"""Client certificates: uploaded to the organization, and active in it or in single projects, whose calls must then show one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keyhouse.control import fields
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.control.lookup import require_open_project, require_project
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.certificates import MAX_CERTIFICATES, Certificate
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, not_found
from keyhouse.store.contract import ChangeKind, Listed, Page, Transaction

_MAX_CONTENT = 64 << 10
_MOST_AT_ONCE = 10
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class CertificateView:
    """A certificate as it is in the organization, or in a project: active there or not."""

    certificate: Certificate
    active: bool


@needs(Permission.CERTIFICATES_READ)
def list_page(
    control: Control,
    caller: Caller,
    project_id: str | None,
    *,
    after: str | None = None,
    limit: int = 20,
    newest_first: bool = True,
) -> Listed[CertificateView]:
    """The organization's certificates, each with whether it is active in the organization, or (given one) in a project."""
    with control.store.read() as tx:
        if project_id is not None:
            require_project(tx, caller, project_id)
        found = tx.certificates.page(caller.organization_id, Page(after, limit, newest_first))
        active = tx.certificates.active(project_id or caller.organization_id)
    return Listed(tuple(CertificateView(one, one.id in active) for one in found.items), found.has_more)


@needs(Permission.CERTIFICATES_READ)
def show(control: Control, caller: Caller, certificate_id: str) -> CertificateView:
    """One certificate. Raises `not_found`."""
    with control.store.read() as tx:
        return _view(tx, _require(tx, caller, certificate_id))


@needs(Permission.CERTIFICATES_WRITE)
def upload(control: Control, caller: Caller, content: object, name: object = UNSET) -> CertificateView:
    """Keeps a certificate, which is active nowhere yet. Raises `conflict` for one that is there, and for the 51st."""
    now = control.clock()
    called = None if name is UNSET or name is None else fields.name(name)
    certificate = _read(caller, content, called, now)
    details: dict[str, object] = {"name": called}
    with control.store.write() as tx:
        others = tx.certificates.list(caller.organization_id)
        if len(others) >= MAX_CERTIFICATES:
            raise KeyhouseError(ErrorCode.CONFLICT, f"An organization has at most {MAX_CERTIFICATES} certificates.")
        twin = next((one for one in others if one.fingerprint == certificate.fingerprint), None)
        if twin is not None:
            message = f"This certificate is there already ({twin.id})."
            raise KeyhouseError(ErrorCode.CONFLICT, message, param="certificate")
        tx.certificates.add(certificate)
        tx.audit.append(event(caller, now, EventType.CERTIFICATE_CREATED, certificate.id, details=details))
    return CertificateView(certificate, active=False)


@needs(Permission.CERTIFICATES_WRITE)
def update(control: Control, caller: Caller, certificate_id: str, name: object) -> CertificateView:
    """Renames a certificate; nothing else of it changes."""
    now, called = control.clock(), fields.name(name)
    details: dict[str, object] = {"name": called}
    with control.store.write() as tx:
        certificate = _require(tx, caller, certificate_id)
        tx.certificates.rename(certificate.id, called)
        tx.audit.append(event(caller, now, EventType.CERTIFICATE_UPDATED, certificate.id, details=details))
        return _view(tx, replace(certificate, name=called))


@needs(Permission.CERTIFICATES_WRITE)
def delete(control: Control, caller: Caller, certificate_id: str) -> Certificate:
    """Forgets a certificate. Raises `conflict` while it is active anywhere."""
    now = control.clock()
    with control.store.write() as tx:
        certificate = _require(tx, caller, certificate_id)
        if places := tx.certificates.scopes_of(certificate.id):
            message = f"The certificate is active in {', '.join(sorted(places))}; deactivate it there first."
            raise KeyhouseError(ErrorCode.CONFLICT, message)
        details: dict[str, object] = {"name": certificate.name, "certificate": certificate.content}
        tx.certificates.remove(certificate.id)
        tx.audit.append(event(caller, now, EventType.CERTIFICATE_DELETED, certificate.id, details=details))
    return certificate


@needs(Permission.CERTIFICATES_WRITE)
def activate(
    control: Control, caller: Caller, project_id: str | None, certificate_ids: object
) -> list[CertificateView]:
    """Makes calls of the organization, or of a project, show one of its active certificates: all of these or none are added.
    In force when this returns. One that is active already stays so."""
    now, wanted = control.clock(), _ids(certificate_ids)
    with control.store.write() as tx:
        found = _all(tx, caller, project_id, wanted)
        scope_id = project_id or caller.organization_id
        active = tx.certificates.active(scope_id)
        details: dict[str, object] = {"certificates": [{"id": one.id, "name": one.name} for one in found]}
        tx.certificates.activate([one.id for one in found if one.id not in active], scope_id, now)
        tx.audit.append(
            event(caller, now, EventType.CERTIFICATES_ACTIVATED, scope_id, project_id=project_id, details=details)
        )
        seq = tx.changes.append(ChangeKind.CERTIFICATES, scope_id)
    control.announce(seq)
    return [CertificateView(one, active=True) for one in found]


@needs(Permission.CERTIFICATES_WRITE)
def deactivate(
    control: Control, caller: Caller, project_id: str | None, certificate_ids: object
) -> list[CertificateView]:
    """Takes certificates out of force, all of these or none. In force when this returns."""
    now, wanted = control.clock(), _ids(certificate_ids)
    with control.store.write() as tx:
        found = _all(tx, caller, project_id, wanted)
        scope_id = project_id or caller.organization_id
        details: dict[str, object] = {"certificates": [{"id": one.id, "name": one.name} for one in found]}
        tx.certificates.deactivate(wanted, scope_id)
        tx.audit.append(
            event(caller, now, EventType.CERTIFICATES_DEACTIVATED, scope_id, project_id=project_id, details=details)
        )
        seq = tx.changes.append(ChangeKind.CERTIFICATES, scope_id)
    control.announce(seq)
    return [CertificateView(one, active=False) for one in found]


def _all(tx: Transaction, caller: Caller, project_id: str | None, wanted: Sequence[str]) -> list[Certificate]:
    if project_id is not None:
        require_open_project(tx, caller, project_id)
    return [_require(tx, caller, certificate_id) for certificate_id in wanted]


def _require(tx: Transaction, caller: Caller, certificate_id: str) -> Certificate:
    certificate = tx.certificates.get(caller.organization_id, certificate_id)
    if certificate is None:
        raise not_found("certificate", certificate_id)
    return certificate


def _view(tx: Transaction, certificate: Certificate) -> CertificateView:
    return CertificateView(certificate, certificate.id in tx.certificates.active(certificate.organization_id))


def _ids(value: object) -> list[str]:
    param = "certificate_ids"
    if isinstance(value, str) or not isinstance(value, Sequence) or not 1 <= len(value) <= _MOST_AT_ONCE:
        raise invalid(param, f"'{param}' must be a list of 1 to {_MOST_AT_ONCE} ids.")
    for place, entry in enumerate(value):
        if not isinstance(entry, str):
            raise invalid(f"{param}[{place}]", f"'{param}[{place}]' must be a string.")
    return list(dict.fromkeys(value))


def _read(caller: Caller, content: object, name: str | None, now: int) -> Certificate:
    """What is refused is never said again: it may be a private key."""
    from cryptography import x509  # slow to import
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    if not isinstance(content, str):
        raise invalid("certificate", "'certificate' must be a certificate as PEM text.")
    text = content.strip()
    if "PRIVATE KEY" in text:
        raise invalid(
            "certificate",
            "'certificate' has a private key in it. Give the certificate alone; keep the key to yourself.",
        )
    single = len(text) <= _MAX_CONTENT and text.count(_BEGIN) == 1 and text.startswith(_BEGIN) and text.endswith(_END)
    try:
        found = x509.load_pem_x509_certificate(text.encode()) if single else None
    except ValueError:
        found = None
    if found is None:
        raise invalid("certificate", f"'certificate' must be one certificate as PEM text: {_BEGIN}, … {_END}.")
    ends = int(found.not_valid_after_utc.timestamp())
    if ends <= now:
        raise invalid("certificate", "This certificate has expired.")
    return Certificate(
        id=ids.new_id(ids.CERTIFICATE),
        organization_id=caller.organization_id,
        name=name,
        content=found.public_bytes(Encoding.PEM).decode(),
        fingerprint=found.fingerprint(SHA256()).hex(),
        valid_at=int(found.not_valid_before_utc.timestamp()),
        expires_at=ends,
        created_at=now,
    )
