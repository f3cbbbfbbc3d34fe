"""People of the organization and of projects, and groups."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import Group as GroupOfShapes
from keyhouse.api.shapes.common import ListOf, Name, NextListOf, NextQuery, OrderedQuery, PageQuery, Shape, Time

OrganizationRole = Literal["owner", "reader", "member"]
ProjectRole = Literal["owner", "member", "viewer"]
Email = Annotated[str, Meta(max_length=254)]
Told = Annotated[str, Meta(min_length=1, max_length=256)]


class UserDetails(Struct):
    object: Literal["user"]
    id: str
    email: str
    name: str
    picture: str | None
    enabled: bool
    banned: bool
    banned_at: Time | None


class UserProject(Struct):
    id: str
    name: str
    role: ProjectRole


class UserProjects(Struct):
    object: Literal["list"]
    data: list[UserProject]


class User(Struct):
    object: Literal["organization.user"]
    id: str
    name: str
    email: str
    role: OrganizationRole
    added_at: Time
    is_default: bool
    created: Time
    user: UserDetails
    is_service_account: bool
    is_scale_tier_authorized_purchaser: bool | None
    is_scim_managed: bool
    api_key_last_used_at: Time | None
    technical_level: str | None
    developer_persona: str | None
    projects: UserProjects


class AddedUser(User, kw_only=True):
    password: Annotated[
        str | None, Meta(description="The first password, in this answer and in no other; null for who had one")
    ]


class UserWanted(Struct, forbid_unknown_fields=True):
    email: Email
    name: Name
    role: OrganizationRole | UnsetType = UNSET


class UserChange(Struct, forbid_unknown_fields=True):
    role: Annotated[str, Meta(description="owner, reader or member")] | UnsetType | None = UNSET
    role_id: str | UnsetType | None = UNSET
    technical_level: str | UnsetType | None = UNSET
    developer_persona: str | UnsetType | None = UNSET


class DisabledKey(Struct):
    id: str
    name: str
    project_id: str | None


class UserDeleted(Struct):
    object: Literal["organization.user.deleted"]
    id: str
    deleted: bool
    disabled_api_keys: list[DisabledKey]


class UsersQuery(PageQuery):
    emails: list[str] | UnsetType = UNSET


class ProjectUser(Struct):
    object: Literal["organization.project.user"]
    id: str
    name: str
    email: str
    role: ProjectRole
    added_at: Time


class ProjectUserWanted(Struct, forbid_unknown_fields=True):
    role: Annotated[str, Meta(description="owner, member or viewer")]
    user_id: str | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET


class ProjectUserChange(Struct, forbid_unknown_fields=True):
    role: Annotated[str, Meta(description="owner, member or viewer")] | UnsetType | None = UNSET


class ProjectUserDeleted(Struct):
    id: str
    object: Literal["organization.project.user.deleted"]
    deleted: bool


class ProjectGroup(Struct):
    object: Literal["project.group"]
    project_id: str
    group_id: str
    group_name: str
    group_type: Literal["group"]
    created_at: Time
    role_ids: list[str]


class ProjectGroupWanted(Struct, forbid_unknown_fields=True):
    group_id: str
    role: Annotated[str, Meta(description="A role's id")]


class ProjectGroupDeleted(Struct):
    object: Literal["project.group.deleted"]
    deleted: bool


class ProjectGroupQuery(Struct):
    group_type: Literal["group", "tenant_group"] | UnsetType = UNSET


class RenamedGroup(Struct):
    id: str
    name: str
    created_at: Time
    is_scim_managed: bool


class UserGroup(RenamedGroup):
    group_type: Literal["group"]


class GroupWanted(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=255)]


class GroupDeleted(Struct):
    id: str
    object: Literal["group.deleted"]
    deleted: bool


class GroupUser(Struct):
    id: str
    name: str
    email: str


class GroupMember(GroupUser):
    picture: str | None
    is_service_account: bool
    user_type: Literal["user"]


class GroupUserWanted(Struct, forbid_unknown_fields=True):
    user_id: str


class GroupAssignment(Struct):
    object: Literal["group.user"]
    user_id: str
    group_id: str


class GroupUserDeleted(Struct):
    object: Literal["group.user.deleted"]
    deleted: bool


_USERS = "/v1/organization/users"
_GROUPS = "/v1/organization/groups"
_PROJECT = "/v1/organization/projects/{project_id}"

USERS = GroupOfShapes(
    "People",
    {
        f"GET {_USERS}": Shape("List people", ListOf[User], query=UsersQuery),
        f"POST {_USERS}": Shape("Add somebody, without an invitation", AddedUser, body=UserWanted),
        f"GET {_USERS}/{{user_id}}": Shape("Show a person", User),
        f"POST {_USERS}/{{user_id}}": Shape("Change a person's role", User, body=UserChange),
        f"DELETE {_USERS}/{{user_id}}": Shape("Remove a person and disable their keys", UserDeleted),
    },
)
GROUPS = GroupOfShapes(
    "Groups",
    {
        f"GET {_GROUPS}": Shape("List groups", NextListOf[UserGroup], query=NextQuery),
        f"POST {_GROUPS}": Shape("Create a group", UserGroup, body=GroupWanted),
        f"GET {_GROUPS}/{{group_id}}": Shape("Show a group", UserGroup),
        f"POST {_GROUPS}/{{group_id}}": Shape("Rename a group", RenamedGroup, body=GroupWanted),
        f"DELETE {_GROUPS}/{{group_id}}": Shape("Delete a group", GroupDeleted),
        f"GET {_GROUPS}/{{group_id}}/users": Shape("List who is in a group", NextListOf[GroupUser], query=NextQuery),
        f"POST {_GROUPS}/{{group_id}}/users": Shape("Add a person to a group", GroupAssignment, body=GroupUserWanted),
        f"GET {_GROUPS}/{{group_id}}/users/{{user_id}}": Shape("Show a person of a group", GroupMember),
        f"DELETE {_GROUPS}/{{group_id}}/users/{{user_id}}": Shape("Take a person out of a group", GroupUserDeleted),
    },
)
PROJECT_PEOPLE = GroupOfShapes(
    "People and groups of projects",
    {
        f"GET {_PROJECT}/users": Shape("List who is in a project", ListOf[ProjectUser], query=PageQuery),
        f"POST {_PROJECT}/users": Shape("Add a person to a project", ProjectUser, body=ProjectUserWanted),
        f"GET {_PROJECT}/users/{{user_id}}": Shape("Show a person of a project", ProjectUser),
        f"POST {_PROJECT}/users/{{user_id}}": Shape("Change a person's role", ProjectUser, body=ProjectUserChange),
        f"DELETE {_PROJECT}/users/{{user_id}}": Shape(
            "Take a person out of a project and disable their keys in it", ProjectUserDeleted
        ),
        f"GET {_PROJECT}/groups": Shape("List groups of a project", NextListOf[ProjectGroup], query=OrderedQuery),
        f"POST {_PROJECT}/groups": Shape("Give a group a role in a project", ProjectGroup, body=ProjectGroupWanted),
        f"GET {_PROJECT}/groups/{{group_id}}": Shape(
            "Show a group of a project", ProjectGroup, query=ProjectGroupQuery
        ),
        f"DELETE {_PROJECT}/groups/{{group_id}}": Shape("Take a group out of a project", ProjectGroupDeleted),
    },
)
