"""Roles, and who holds them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import Group, Name, NextListOf, NextQuery, Shape, Time
from keyhouse.domain.authority import Permission

Words = Annotated[list[str], Meta(description="Permissions", examples=[[Permission.GROUPS_READ.value]])]
Description = Annotated[str, Meta(max_length=256)]


class Role(Struct):
    object: Literal["role"]
    id: str
    name: str
    description: str | None
    permissions: list[str]
    resource_type: Literal["api.organization", "api.project"]
    predefined_role: bool


class NewRole(Struct, forbid_unknown_fields=True):
    role_name: Name
    permissions: Words
    description: Description | UnsetType | None = UNSET


class RoleChange(Struct, forbid_unknown_fields=True):
    role_name: Name | UnsetType | None = UNSET
    permissions: Words | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET


class RoleDeleted(Struct):
    id: str
    object: Literal["role.deleted"]
    deleted: bool


class Source(Struct):
    principal_id: str
    principal_type: Literal["user", "group"]


class Maker(Struct):
    id: str
    name: str
    email: str


class HeldRole(Struct):
    id: str
    name: str
    permissions: list[str]
    resource_type: Literal["api.organization", "api.project"]
    predefined_role: bool
    description: str | None
    created_at: Time | None
    updated_at: Time | None
    created_by: str | None
    created_by_user_obj: Maker | None
    metadata: dict[str, str] | None
    assignment_sources: Annotated[
        list[Source], Meta(description="Whom it was given to: the user, or a group of theirs")
    ]


class RoleWanted(Struct, forbid_unknown_fields=True):
    role_id: str


class HoldingGroup(Struct):
    object: Literal["group"]
    id: str
    name: str
    created_at: Time
    scim_managed: bool


class GroupRole(Struct):
    object: Literal["group.role"]
    group: HoldingGroup
    role: Role


class NestedUser(Struct):
    object: Literal["user"]
    id: str
    email: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    picture: str | UnsetType | None = UNSET
    enabled: bool | UnsetType | None = UNSET
    banned: bool | UnsetType | None = UNSET
    banned_at: Time | UnsetType | None = UNSET


class PlaceOfUser(Struct):
    id: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    role: str | UnsetType | None = UNSET


class PlacesOfUser(Struct):
    object: Literal["list"]
    data: list[PlaceOfUser]


class HoldingUser(Struct):
    object: Literal["organization.user"]
    id: str
    name: str | None
    email: str | None
    role: str | None
    added_at: Time
    is_default: bool | UnsetType = UNSET
    created: Time | UnsetType = UNSET
    user: NestedUser | UnsetType = UNSET
    is_service_account: bool | UnsetType = UNSET
    is_scale_tier_authorized_purchaser: bool | UnsetType | None = UNSET
    is_scim_managed: bool | UnsetType = UNSET
    api_key_last_used_at: Time | UnsetType | None = UNSET
    technical_level: str | UnsetType | None = UNSET
    developer_persona: str | UnsetType | None = UNSET
    projects: PlacesOfUser | UnsetType | None = UNSET


class UserRole(Struct):
    object: Literal["user.role"]
    user: HoldingUser
    role: Role


class RoleTaken(Struct):
    object: Literal["user.role.deleted", "group.role.deleted"]
    deleted: bool


_PLACES = {"/v1/organization/roles": "", "/v1/projects/{project_id}/roles": " of a project"}

ROLES = Group(
    "Roles",
    {
        name: shape
        for path, of in _PLACES.items()
        for name, shape in {
            f"GET {path}": Shape(f"List the roles{of}", NextListOf[Role], query=NextQuery),
            f"POST {path}": Shape(f"Create a role{of}", Role, body=NewRole),
            f"GET {path}/{{role_id}}": Shape(f"Show a role{of}", Role),
            f"POST {path}/{{role_id}}": Shape(f"Change a role{of}", Role, body=RoleChange),
            f"DELETE {path}/{{role_id}}": Shape(f"Delete a role{of}: nobody holds it any more", RoleDeleted),
        }.items()
    },
)


def _assignments(path: str, who: str, where: str, answer: Any) -> dict[str, Shape]:
    return {
        f"GET {path}": Shape(f"List the roles of a {who} in {where}", NextListOf[HeldRole], query=NextQuery),
        f"POST {path}": Shape(f"Give a {who} a role in {where}", answer, body=RoleWanted),
        f"GET {path}/{{role_id}}": Shape(f"Show a role of a {who} in {where}", HeldRole),
        f"DELETE {path}/{{role_id}}": Shape(f"Take a role from a {who} in {where}", RoleTaken),
    }


ASSIGNMENTS = Group(
    "Role assignments",
    {
        **_assignments("/v1/organization/users/{user_id}/roles", "user", "the organization", UserRole),
        **_assignments("/v1/organization/groups/{group_id}/roles", "group", "the organization", GroupRole),
        **_assignments("/v1/projects/{project_id}/users/{user_id}/roles", "user", "a project", UserRole),
        **_assignments("/v1/projects/{project_id}/groups/{group_id}/roles", "group", "a project", GroupRole),
    },
)
