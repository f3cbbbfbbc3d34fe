"""Organizations, their projects, and the service accounts that live in a project."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from keyhouse.domain.data_retention import Retention
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.model_permissions import ModelPermissions


@dataclass(frozen=True, slots=True)
class Organization:
    id: str
    name: str
    created_at: int
    data_retention: Retention = Retention.MODIFIED_ABUSE_MONITORING


class Residency(Enum):
    """Where a project's data is to reside, in OpenAI's words. A note: it is seen to by who answers the calls, not by Keyhouse."""

    GLOBAL = "GLOBAL"
    US_STORAGE_PROCESSING = "US_STORAGE_PROCESSING"
    EU_STORAGE_PROCESSING = "EU_STORAGE_PROCESSING"
    JP_STORAGE = "JP_STORAGE"
    KR_STORAGE = "KR_STORAGE"
    CA_STORAGE = "CA_STORAGE"
    SG_STORAGE = "SG_STORAGE"
    IN_STORAGE = "IN_STORAGE"
    AU_STORAGE = "AU_STORAGE"
    GB_STORAGE = "GB_STORAGE"
    AE_STORAGE = "AE_STORAGE"
    AE_STORAGE_PROCESSING = "AE_STORAGE_PROCESSING"

    @property
    def region(self) -> str:
        """`EU` of `EU_STORAGE_PROCESSING`."""
        return self.value.partition("_")[0]


@dataclass(frozen=True, slots=True)
class Project:
    """A project. An archived one keeps its history; its keys are refused, for good. Of `residency` and `external_key_id`, which
    OpenAI's clients keep there, nothing hangs on either."""

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
    residency: Residency | None = None
    external_key_id: str | None = None

    @property
    def status(self) -> str:
        return "active" if self.archived_at is None else "archived"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A caller that is no person. Its role in the project is `owner`, `member` or `none`: what it would be on the administration
    API, where no key of it is accepted."""

    id: str
    organization_id: str
    project_id: str
    name: str
    role: str
    created_at: int
    deleted_at: int | None = None
