"""Roles as JSON-able values in OpenAI's shapes."""

from __future__ import annotations

from keyhouse.domain.authority import Role


def words(role: Role) -> list[str]:
    """What a role grants, in the order of the alphabet."""
    return sorted(permission.value for permission in role.permissions)


def role(item: Role) -> dict[str, object]:
    """`role`."""
    return {
        "object": "role",
        "id": item.id,
        "name": item.name,
        "description": item.description,
        "permissions": words(item),
        "resource_type": item.kind.value,
        "predefined_role": item.predefined,
    }
