"""Mutual TLS: where calls must come with a client certificate.

This gateway speaks no TLS yet, so that no connection can show a certificate: where any is active, every call is refused. Whoever
activated it wanted calls without one kept out.
"""

from __future__ import annotations

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.policy.keyring import Credential
from keyhouse.store.contract import Store


class ClientTrust:
    """`scopes`: the ids of the projects and organizations in which certificates are active. Replaced at each change."""

    def __init__(self, scopes: frozenset[str]) -> None:
        self.scopes = scopes


def active_scopes(store: Store) -> frozenset[str]:
    """Where any certificate is active now. Blocks."""
    with store.read() as tx:
        return frozenset(one.project_id or one.certificate.organization_id for one in tx.certificates.in_force())


def require_certificate(trust: ClientTrust, credential: Credential) -> None:
    """Raises 403 where the project needs a certificate, which no connection has."""
    if credential.project_id in trust.scopes or credential.organization_id in trust.scopes:
        message = (
            f"Project {credential.project_id} takes calls with a client certificate only (mutual TLS), "
            "and this connection showed none."
        )
        raise KeyhouseError(ErrorCode.CLIENT_CERTIFICATE_REQUIRED, message)
