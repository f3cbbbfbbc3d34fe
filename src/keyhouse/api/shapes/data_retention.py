"""Data retention of the organization and of projects."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from keyhouse.api.shapes.common import Group, Shape

OfOrganization = Literal[
    "zero_data_retention",
    "modified_abuse_monitoring",
    "enhanced_zero_data_retention",
    "enhanced_modified_abuse_monitoring",
]
OfProject = Literal[
    "organization_default",
    "none",
    "zero_data_retention",
    "modified_abuse_monitoring",
    "enhanced_zero_data_retention",
    "enhanced_modified_abuse_monitoring",
]
_ORGANIZATION = "/v1/organization/data_retention"
_PROJECT = "/v1/organization/projects/{project_id}/data_retention"


class OrganizationDataRetention(Struct):
    object: Literal["organization.data_retention"]
    type: OfOrganization


class OrganizationDataRetentionWanted(Struct, forbid_unknown_fields=True):
    retention_type: OfOrganization


class ProjectDataRetention(Struct):
    object: Literal["project.data_retention"]
    type: OfProject


class ProjectDataRetentionWanted(Struct, forbid_unknown_fields=True):
    retention_type: OfProject


GROUP = Group(
    "Data retention",
    {
        f"GET {_ORGANIZATION}": Shape("Show the organization's data retention", OrganizationDataRetention),
        f"POST {_ORGANIZATION}": Shape(
            "Set the organization's data retention", OrganizationDataRetention, body=OrganizationDataRetentionWanted
        ),
        f"GET {_PROJECT}": Shape("Show a project's data retention", ProjectDataRetention),
        f"POST {_PROJECT}": Shape(
            "Set a project's data retention", ProjectDataRetention, body=ProjectDataRetentionWanted
        ),
    },
)
