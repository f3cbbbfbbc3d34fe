"""Organizations, their projects, and the service accounts that live in a project."""

from __future__ import annotations

from dataclasses import dataclass

from keyhouse.domain.data_retention import Retention
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.model_permissions import ModelPermissions


@dataclass(frozen=True, slots=True)
class Organization:
    id: str
    name: str
    created_at: int
    data_retention: Retention = Retention.MODIFIED_ABUSE_MONITORING


@dataclass(frozen=True, slots=True)
class Project:
    """A project. An archived one keeps its history; its keys are refused, for good."""

    id: str
    organization_id: str
    name: str
    created_at: int
    is_default: bool = False
    archived_at: int | None = None
    model_permissions: ModelPermissions | None = None
    denied_tools: tuple[HostedTool, ...] = ()
    """Each once, in the order of `HostedTool`."""
    data_retention: Retention = Retention.ORGANIZATION_DEFAULT

    @property
    def status(self) -> str:
        return "active" if self.archived_at is None else "archived"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A caller that is no person. Its role in the project is OpenAI's `owner` or `member`."""

    id: str
    organization_id: str
    project_id: str
    name: str
    role: str
    created_at: int
    deleted_at: int | None = None
