"""Model permissions of projects."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from keyhouse.api.shapes.common import Group, Name, Shape

Mode = Literal["allow_list", "deny_list"]
_PATH = "/v1/organization/projects/{project_id}/model_permissions"


class ModelPermissions(Struct):
    object: Literal["project.model_permissions"]
    mode: Mode
    model_ids: list[str]


class ModelPermissionsWanted(Struct, forbid_unknown_fields=True):
    mode: Mode
    model_ids: Annotated[list[Name], Meta(max_length=1000, description="Exact names; no globs")]


class ModelPermissionsDeleted(Struct):
    object: Literal["project.model_permissions.deleted"]
    deleted: bool


GROUP = Group(
    "Model permissions",
    {
        f"GET {_PATH}": Shape("Show which models a project may call; 404 where nothing is set", ModelPermissions),
        f"POST {_PATH}": Shape(
            "Set the models that a project may call, or may not", ModelPermissions, body=ModelPermissionsWanted
        ),
        f"DELETE {_PATH}": Shape("Let a project call every model again", ModelPermissionsDeleted),
    },
)
