"""Service accounts of projects."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from keyhouse.api.shapes.common import BothWaysQuery, Group, ListOf, Name, Shape, Time
from keyhouse.api.shapes.keys import AccountKeyWanted, Secret

Role = Literal["owner", "member", "none"]
GivenRole = Literal["owner", "member"]


class ServiceAccount(Struct):
    object: Literal["organization.project.service_account"]
    id: str
    name: str
    role: Role
    created_at: Time


class ServiceAccountKey(Struct):
    object: Literal["organization.project.service_account.api_key"]
    value: Secret
    name: str
    created_at: Time
    id: str


class NewServiceAccount(Struct):
    object: Literal["organization.project.service_account"]
    id: str
    name: str
    role: Role
    created_at: Time
    api_key: ServiceAccountKey | None


class ServiceAccountWanted(Struct, forbid_unknown_fields=True):
    name: Name
    create_service_account_only: bool | UnsetType | None = UNSET
    role: GivenRole | UnsetType = UNSET


class ServiceAccountChange(Struct, forbid_unknown_fields=True):
    name: Name | UnsetType = UNSET
    role: GivenRole | UnsetType = UNSET


class ServiceAccountDeleted(Struct):
    id: str
    object: Literal["organization.project.service_account.deleted"]
    deleted: bool


_PATH = "/v1/organization/projects/{project_id}/service_accounts"
_ONE = _PATH + "/{account_id}"

GROUP = Group(
    "Service accounts",
    {
        f"GET {_PATH}": Shape("List service accounts", ListOf[ServiceAccount], query=BothWaysQuery),
        f"POST {_PATH}": Shape(
            "Create a service account, and its first key", NewServiceAccount, body=ServiceAccountWanted
        ),
        f"GET {_ONE}": Shape("Show a service account", ServiceAccount),
        f"POST {_ONE}": Shape("Change a service account", ServiceAccount, body=ServiceAccountChange),
        f"DELETE {_ONE}": Shape("Delete a service account and its keys", ServiceAccountDeleted),
        f"POST {_ONE}/api_keys": Shape("Create another key of it", ServiceAccountKey, body=AccountKeyWanted),
    },
)
