"""Client certificates, of the organization and of projects."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import Group, ListOf, Name, OrderedQuery, Shape, Time

Ids = Annotated[list[str], Meta(min_length=1, max_length=10)]
Pem = Annotated[str, Meta(max_length=65536, description="One certificate as PEM text")]


class CertificateDetails(Struct):
    valid_at: Time
    expires_at: Time
    content: str | UnsetType = UNSET


class Certificate(Struct):
    object: Literal["organization.certificate"]
    id: str
    name: str | None
    created_at: Time
    certificate_details: CertificateDetails
    active: bool


class ProjectCertificate(Struct):
    object: Literal["organization.project.certificate"]
    id: str
    name: str | None
    created_at: Time
    certificate_details: CertificateDetails
    active: bool


class Activation(Struct):
    object: Literal["organization.certificate.activation"]
    data: list[Certificate]


class Deactivation(Struct):
    object: Literal["organization.certificate.deactivation"]
    data: list[Certificate]


class ProjectActivation(Struct):
    object: Literal["organization.project.certificate.activation"]
    data: list[ProjectCertificate]


class ProjectDeactivation(Struct):
    object: Literal["organization.project.certificate.deactivation"]
    data: list[ProjectCertificate]


class CertificateWanted(Struct, forbid_unknown_fields=True):
    certificate: Pem
    name: Name | UnsetType | None = UNSET


class CertificateChange(Struct, forbid_unknown_fields=True):
    name: Name | UnsetType = UNSET


class CertificateIds(Struct, forbid_unknown_fields=True):
    certificate_ids: Ids


class CertificateDeleted(Struct):
    object: Literal["certificate.deleted"]
    id: str


class CertificateQuery(Struct):
    include: list[Literal["content"]] | UnsetType = UNSET


_PATH = "/v1/organization/certificates"
_PROJECT = "/v1/organization/projects/{project_id}/certificates"

GROUP = Group(
    "Certificates",
    {
        f"GET {_PATH}": Shape("List certificates", ListOf[Certificate], query=OrderedQuery),
        f"POST {_PATH}": Shape("Upload a certificate", Certificate, body=CertificateWanted),
        f"POST {_PATH}/activate": Shape("Activate certificates", Activation, body=CertificateIds),
        f"POST {_PATH}/deactivate": Shape("Deactivate certificates", Deactivation, body=CertificateIds),
        f"GET {_PATH}/{{certificate_id}}": Shape("Show a certificate", Certificate, query=CertificateQuery),
        f"POST {_PATH}/{{certificate_id}}": Shape("Rename a certificate", Certificate, body=CertificateChange),
        f"DELETE {_PATH}/{{certificate_id}}": Shape("Delete a certificate", CertificateDeleted),
        f"GET {_PROJECT}": Shape("List certificates in a project", ListOf[ProjectCertificate], query=OrderedQuery),
        f"POST {_PROJECT}/activate": Shape(
            "Activate certificates in a project", ProjectActivation, body=CertificateIds
        ),
        f"POST {_PROJECT}/deactivate": Shape(
            "Deactivate certificates in a project", ProjectDeactivation, body=CertificateIds
        ),
    },
)
