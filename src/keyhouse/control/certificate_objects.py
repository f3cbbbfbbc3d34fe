"""Certificates as JSON-able values in OpenAI's shapes, the same for every face."""

from __future__ import annotations

from collections.abc import Sequence

from keyhouse.control.certificates import CertificateView


def certificate(item: CertificateView, *, in_project: bool = False, with_content: bool = False) -> dict[str, object]:
    """`organization.certificate`, or `organization.project.certificate`; its PEM text only where that is wanted."""
    found = item.certificate
    details: dict[str, object] = {"valid_at": found.valid_at, "expires_at": found.expires_at}
    if with_content:
        details["content"] = found.content
    return {
        "object": f"{_place(in_project)}.certificate",
        "id": found.id,
        "name": found.name,
        "created_at": found.created_at,
        "certificate_details": details,
        "active": item.active,
    }


def changed(items: Sequence[CertificateView], what: str, *, in_project: bool) -> dict[str, object]:
    """`…certificate.activation` or `…certificate.deactivation`: those that it was about."""
    data = [certificate(item, in_project=in_project) for item in items]
    return {"object": f"{_place(in_project)}.certificate.{what}", "data": data}


def _place(in_project: bool) -> str:
    return "organization.project" if in_project else "organization"
