"""What a role may be called, say and grant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keyhouse.control import fields
from keyhouse.control.fields import UNSET
from keyhouse.domain.authority import OF_HOUSE, Permission, RoleKind, permission_of
from keyhouse.domain.errors import invalid, shown


def new(given: Mapping[str, object], kind: RoleKind) -> tuple[str, str | None, frozenset[Permission]]:
    """(name, description, permissions) of a new role: `{role_name, permissions, description}`."""
    name = fields.name(given.get("role_name", UNSET), "role_name")
    description = given.get("description", UNSET)
    return name, None if description is UNSET else _description(description), _permissions(given, kind)


def changed(given: Mapping[str, object], kind: RoleKind) -> dict[str, object]:
    """The fields of `Role` that change. Null leaves a name or permissions as they are, and takes a description away."""
    wanted: dict[str, object] = {}
    if given.get("role_name", UNSET) not in (UNSET, None):
        wanted["name"] = fields.name(given["role_name"], "role_name")
    if given.get("description", UNSET) is not UNSET:
        wanted["description"] = _description(given["description"])
    if given.get("permissions", UNSET) not in (UNSET, None):
        wanted["permissions"] = _permissions(given, kind)
    return wanted


def _description(value: object) -> str | None:
    blank = value is None or (isinstance(value, str) and not value.strip())
    return None if blank else fields.name(value, "description")


def _permissions(given: Mapping[str, object], kind: RoleKind) -> frozenset[Permission]:
    value = given.get("permissions", UNSET)
    if value is UNSET:
        raise invalid("permissions", "'permissions' is required.")
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise invalid("permissions", "'permissions' must be a list of permissions such as 'api.groups.read'.")
    return frozenset(_permission(entry, f"permissions[{i}]", kind) for i, entry in enumerate(value))


def _permission(value: object, param: str, kind: RoleKind) -> Permission:
    if not isinstance(value, str):
        raise invalid(param, f"'{param}' must be a string.")
    permission = permission_of(value)
    if permission is None:
        raise invalid(param, f"'{shown(value)}' is not a permission.")
    if permission in OF_HOUSE:
        message = (
            f"'{value}' is granted by no role that is made: only the operator and owners name what serves the house."
        )
        raise invalid(param, message)
    if kind is RoleKind.PROJECT and not permission.of_projects:
        raise invalid(param, f"'{value}' is no permission of projects, so a role of one project cannot grant it.")
    return permission
