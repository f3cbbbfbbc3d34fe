"""Roles as JSON-able values in OpenAI's shapes."""

from __future__ import annotations

from keyhouse.control.held_roles import HeldRole
from keyhouse.control.role_assignments import Assigned
from keyhouse.domain.authority import Role
from keyhouse.domain.people import Group, Member, Person, PrincipalKind


def role(item: Role) -> dict[str, object]:
    """`role`."""
    return {
        "object": "role",
        "id": item.id,
        "name": item.name,
        "description": item.description,
        "permissions": item.words,
        "resource_type": item.kind.value,
        "predefined_role": item.predefined,
    }


def held(item: HeldRole) -> dict[str, object]:
    """OpenAI's details of a role that somebody holds; it has no `object`."""
    maker = item.maker
    return {
        "id": item.role.id,
        "name": item.role.name,
        "permissions": item.role.words,
        "resource_type": item.role.kind.value,
        "predefined_role": item.role.predefined,
        "description": item.role.description,
        "created_at": item.role.created_at,
        "updated_at": item.role.updated_at,
        "created_by": item.role.created_by,
        "created_by_user_obj": None if maker is None else {"id": maker.id, "name": maker.name, "email": maker.email},
        "metadata": {},
        "assignment_sources": [{"principal_id": id_, "principal_type": kind.value} for kind, id_ in item.sources],
    }


def assigned(item: Assigned) -> dict[str, object]:
    """`user.role` or `group.role`."""
    if isinstance(item.holder, Group):
        return {"object": "group.role", "group": _group(item.holder), "role": role(item.role)}
    return {"object": "user.role", "user": _user(*item.holder), "role": role(item.role)}


def unassigned(kind: PrincipalKind) -> dict[str, object]:
    """`user.role.deleted` or `group.role.deleted`."""
    return {"object": f"{kind.value}.role.deleted", "deleted": True}


def _group(item: Group) -> dict[str, object]:
    return {"object": "group", "id": item.id, "name": item.name, "created_at": item.created_at, "scim_managed": False}


def _user(person: Person, member: Member) -> dict[str, object]:
    return {
        "object": "organization.user",
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "role": member.role.value,
        "added_at": member.added_at,
    }
