"""Projects."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import BothWaysQuery, Group, ListOf, Name, Shape, Tags, Time

Residency = Literal[
    "GLOBAL", "US_STORAGE_PROCESSING", "EU_STORAGE_PROCESSING", "JP_STORAGE", "KR_STORAGE", "CA_STORAGE", "SG_STORAGE",
    "IN_STORAGE", "AU_STORAGE", "GB_STORAGE", "AE_STORAGE", "AE_STORAGE_PROCESSING",
]  # fmt: skip
Place = Annotated[
    Residency, Meta(description="Where the project's data is to reside: a note, which Keyhouse does not enforce")
]
Region = Annotated[
    str, Meta(description="The older name of `residency`: one of its values, or a region such as `EU`; not both")
]


class Project(Struct):
    id: str
    object: Literal["organization.project"]
    name: str
    created_at: Time
    archived_at: Time | None
    status: Literal["active", "archived"]
    external_key_id: str | None
    tags: Tags
    residency: Residency | UnsetType = UNSET


class NewProject(Struct, forbid_unknown_fields=True):
    name: Name
    tags: Tags | UnsetType | None = UNSET
    external_key_id: Name | UnsetType | None = UNSET
    residency: Place | UnsetType | None = UNSET
    geography: Region | UnsetType | None = UNSET


class ProjectChange(Struct, forbid_unknown_fields=True):
    name: Name | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    external_key_id: Name | UnsetType | None = UNSET
    residency: Place | UnsetType | None = UNSET
    geography: Region | UnsetType | None = UNSET


class ProjectsQuery(BothWaysQuery):
    include_archived: bool | UnsetType = UNSET


_PATH = "/v1/organization/projects"

GROUP = Group(
    "Projects",
    {
        f"GET {_PATH}": Shape("List projects", ListOf[Project], query=ProjectsQuery),
        f"POST {_PATH}": Shape("Create a project", Project, body=NewProject),
        f"GET {_PATH}/{{project_id}}": Shape("Show a project", Project),
        f"POST {_PATH}/{{project_id}}": Shape("Change a project", Project, body=ProjectChange),
        f"POST {_PATH}/{{project_id}}/archive": Shape("Archive a project: its keys stop working", Project),
    },
)
