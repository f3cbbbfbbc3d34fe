"""Client certificates that an organization's calls must show: what is uploaded, and where it is active."""

from __future__ import annotations

from dataclasses import dataclass

MAX_CERTIFICATES = 50
"""Of one organization."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """An uploaded certificate: of an authority that signs clients' certificates, or of one client itself.

    `content` is its PEM text and nothing else, `fingerprint` the SHA-256 of its DER form in hex. It is valid from `valid_at` to
    `expires_at` (Unix seconds).
    """

    id: str
    organization_id: str
    name: str | None
    content: str
    fingerprint: str
    valid_at: int
    expires_at: int
    created_at: int


@dataclass(frozen=True, slots=True)
class Activation:
    """A certificate that is active: in a project, or (None) in the organization, where it counts in every project."""

    certificate: Certificate
    project_id: str | None
