"""Roles, and who holds them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import Group, Name, NextListOf, NextQuery, Shape
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
