"""Keys of projects, and admin keys."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import BothWaysQuery, Group, ListOf, Name, Shape, Tags, Time
from keyhouse.control.fields import MAX_GRACE, MAX_LIFETIME, MAX_MODELS, MAX_NETWORKS
from keyhouse.domain.limits import NO_LIMIT

Limit = Annotated[int, Meta(ge=0, le=NO_LIMIT)]
Status = Literal["active", "disabled", "expired", "quarantined", "revoked"]
Permissions = Literal["all", "read_only"] | dict[str, Literal["none", "read", "write"]]
Models = Annotated[list[Name], Meta(max_length=MAX_MODELS, description="Names and globs; an empty list allows nothing")]
Networks = Annotated[
    list[str],
    Meta(
        max_length=MAX_NETWORKS, description="Addresses and CIDRs to be used from; an empty list allows none, null all"
    ),
]
Lifetime = Annotated[int, Meta(ge=1, le=MAX_LIFETIME, description="Seconds from now; null never expires")]
Grace = Annotated[int, Meta(ge=0, le=MAX_GRACE, description="How long the old secret works on, in seconds")]
Secret = Annotated[str, Meta(description="The full secret, in this answer and in no other")]


class KeyLimits(Struct):
    """A key's own rate limits; an absent one does not limit."""

    max_requests_per_1_minute: Limit | UnsetType | None = UNSET
    max_tokens_per_1_minute: Limit | UnsetType | None = UNSET
    max_images_per_1_minute: Limit | UnsetType | None = UNSET
    max_audio_megabytes_per_1_minute: Limit | UnsetType | None = UNSET
    max_requests_per_1_day: Limit | UnsetType | None = UNSET


class KeySpendLimit(Struct):
    """Cents a month."""

    threshold_amount: int
    currency: Literal["USD"]
    interval: Literal["month"]


class UserOwner(Struct):
    id: str
    email: str
    name: str
    created_at: Time
    role: str


class ServiceAccountOwner(Struct):
    id: str
    name: str
    created_at: Time
    role: str


class KeyOwner(Struct):
    type: Literal["user", "service_account"]
    user: UserOwner | UnsetType = UNSET
    service_account: ServiceAccountOwner | UnsetType = UNSET


class ProjectKey(Struct):
    object: Literal["organization.project.api_key"]
    id: str
    name: str
    redacted_value: str
    created_at: Time
    last_used_at: Time | None
    owner_project_access: Literal["active", "inactive"]
    owner: KeyOwner
    expires_at: Time | None
    ip_allowlist: list[str] | None
    models: list[str] | None
    permissions: Permissions
    rate_limits: KeyLimits | None
    spend_limit: KeySpendLimit | None
    tags: Tags
    status: Status


class NewProjectKey(ProjectKey, kw_only=True):
    value: Secret


class RotatedProjectKey(NewProjectKey, kw_only=True):
    previous_valid_until: Time | None


class KeyChange(Struct, forbid_unknown_fields=True):
    name: Name | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET
    models: Models | UnsetType | None = UNSET
    expires_in_seconds: Lifetime | UnsetType | None = UNSET
    ip_allowlist: Networks | UnsetType | None = UNSET
    rate_limits: KeyLimits | UnsetType | None = UNSET
    spend_limit: KeySpendLimit | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET


class KeyWanted(KeyChange, forbid_unknown_fields=True, kw_only=True):
    name: Name


class AccountKeyWanted(KeyChange, forbid_unknown_fields=True):
    scopes: list[str] | UnsetType = UNSET


class Rotation(Struct, forbid_unknown_fields=True):
    grace_seconds: Grace | UnsetType = UNSET


class AdminKeyOwner(Struct):
    type: Literal["user"]
    object: Literal["organization.user"]
    id: str
    name: str
    created_at: Time
    role: str


class AdminKey(Struct):
    object: Literal["organization.admin_api_key"]
    id: str
    name: str
    redacted_value: str
    created_at: Time
    expires_at: Time | None
    last_used_at: Time | None
    owner: AdminKeyOwner
    ip_allowlist: list[str] | None
    role_id: str | None
    scopes: list[str] | None
    status: Status


class NewAdminKey(AdminKey, kw_only=True):
    value: Secret


class RotatedAdminKey(NewAdminKey, kw_only=True):
    previous_valid_until: Time | None


class AdminKeyChange(KeyChange, forbid_unknown_fields=True):
    role_id: str | UnsetType | None = UNSET
    scopes: list[str] | UnsetType | None = UNSET


class AdminKeyWanted(AdminKeyChange, forbid_unknown_fields=True, kw_only=True):
    name: Name


class AdminKeyDeleted(Struct):
    id: str
    object: Literal["organization.admin_api_key.deleted"]
    deleted: bool


class ProjectKeyDeleted(Struct):
    id: str
    object: Literal["organization.project.api_key.deleted"]
    deleted: bool


class KeysQuery(BothWaysQuery):
    owner_project_access: Literal["active", "inactive", "any"] | UnsetType = UNSET


_ADMIN = "/v1/organization/admin_api_keys"
_PROJECT = "/v1/organization/projects/{project_id}/api_keys"


def _life(path: str, key: type[Struct], rotated: type[Struct]) -> dict[str, Shape]:
    return {
        f"POST {path}/{{key_id}}/rotate": Shape("Give a key a new secret", rotated, body=Rotation),
        f"POST {path}/{{key_id}}/disable": Shape("Disable a key, for as long as wanted", key),
        f"POST {path}/{{key_id}}/enable": Shape("Enable a disabled key", key),
        f"POST {path}/{{key_id}}/revoke": Shape("Revoke a key, for good", key),
    }


ADMIN_KEYS = Group(
    "Admin API keys",
    {
        f"GET {_ADMIN}": Shape("List admin keys", ListOf[AdminKey], query=BothWaysQuery),
        f"POST {_ADMIN}": Shape("Create an admin key", NewAdminKey, body=AdminKeyWanted),
        f"GET {_ADMIN}/{{key_id}}": Shape("Show an admin key", AdminKey),
        f"POST {_ADMIN}/{{key_id}}": Shape("Change an admin key", AdminKey, body=AdminKeyChange),
        f"DELETE {_ADMIN}/{{key_id}}": Shape("Delete an admin key", AdminKeyDeleted),
        **_life(_ADMIN, AdminKey, RotatedAdminKey),
    },
)
PROJECT_KEYS = Group(
    "Project API keys",
    {
        f"GET {_PROJECT}": Shape("List keys of a project", ListOf[ProjectKey], query=KeysQuery),
        f"POST {_PROJECT}": Shape("Create a key", NewProjectKey, body=KeyWanted),
        f"GET {_PROJECT}/{{key_id}}": Shape("Show a key", ProjectKey),
        f"POST {_PROJECT}/{{key_id}}": Shape("Change a key", ProjectKey, body=KeyChange),
        f"DELETE {_PROJECT}/{{key_id}}": Shape("Delete a person's key", ProjectKeyDeleted),
        **_life(_PROJECT, ProjectKey, RotatedProjectKey),
    },
)
