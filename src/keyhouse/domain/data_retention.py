"""Data retention: whether what calls hold may outlive them, in the organization and in a project."""

from __future__ import annotations

from enum import Enum


class Retention(Enum):
    """In OpenAI's words, alphabetical. Keyhouse has no monitoring that reads what calls hold, so the four that tell kinds of that
    apart come down to two here: `keeps_nothing`, or not."""

    ENHANCED_MODIFIED_ABUSE_MONITORING = "enhanced_modified_abuse_monitoring"
    ENHANCED_ZERO_DATA_RETENTION = "enhanced_zero_data_retention"
    MODIFIED_ABUSE_MONITORING = "modified_abuse_monitoring"
    NONE = "none"
    """Of a project: no control, whatever the organization has."""
    ORGANIZATION_DEFAULT = "organization_default"
    """Of a project: what the organization has."""
    ZERO_DATA_RETENTION = "zero_data_retention"

    @property
    def keeps_nothing(self) -> bool:
        return self in {Retention.ENHANCED_ZERO_DATA_RETENTION, Retention.ZERO_DATA_RETENTION}


OF_ORGANIZATIONS = tuple(r for r in Retention if r not in {Retention.NONE, Retention.ORGANIZATION_DEFAULT})
"""What an organization may have; a project may have any."""


def in_force(organization: Retention, project: Retention) -> Retention:
    """What calls of the project are held to."""
    return organization if project is Retention.ORGANIZATION_DEFAULT else project
