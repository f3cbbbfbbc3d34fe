"""Hosted-tool permissions of projects."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from keyhouse.api.shapes.common import Group, Shape

_PATH = "/v1/organization/projects/{project_id}/hosted_tool_permissions"


class HostedToolPermission(Struct):
    enabled: bool


class HostedToolPermissions(Struct):
    code_interpreter: HostedToolPermission
    file_search: HostedToolPermission
    image_generation: HostedToolPermission
    mcp: HostedToolPermission
    web_search: HostedToolPermission


class HostedToolPermissionWanted(Struct, forbid_unknown_fields=True):
    enabled: bool


class HostedToolPermissionsWanted(Struct, forbid_unknown_fields=True):
    code_interpreter: HostedToolPermissionWanted | UnsetType | None = UNSET
    file_search: HostedToolPermissionWanted | UnsetType | None = UNSET
    image_generation: HostedToolPermissionWanted | UnsetType | None = UNSET
    mcp: HostedToolPermissionWanted | UnsetType | None = UNSET
    web_search: HostedToolPermissionWanted | UnsetType | None = UNSET


GROUP = Group(
    "Hosted-tool permissions",
    {
        f"GET {_PATH}": Shape("Show which hosted tools a project may use", HostedToolPermissions),
        f"POST {_PATH}": Shape(
            "Let a project use hosted tools, or not; at least one is given, and the others stay",
            HostedToolPermissions,
            body=HostedToolPermissionsWanted,
        ),
    },
)
