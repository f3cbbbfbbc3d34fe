"""People and groups as JSON-able values in OpenAI's shapes, the same for every face. Fields that are ours stand at their end."""

from __future__ import annotations

from keyhouse.control.people import PersonView, Removed
from keyhouse.control.project_groups import Placed as PlacedGroup
from keyhouse.control.project_users import Placed
from keyhouse.domain.people import Group, GroupMember, Invite, Person


def user(item: PersonView) -> dict[str, object]:
    """`organization.user`."""
    person, member = item.person, item.member
    return {
        "object": "organization.user",
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "role": member.role.value,
        "added_at": member.added_at,
        "is_default": False,
        "created": person.created_at,
        "user": {
            "object": "user",
            "id": person.id,
            "email": person.email,
            "name": person.name,
            "picture": None,
            "enabled": True,
            "banned": False,
            "banned_at": None,
        },
        "is_service_account": False,
        "is_scale_tier_authorized_purchaser": None,
        "is_scim_managed": False,
        "api_key_last_used_at": item.last_used_at,
        "technical_level": member.technical_level,
        "developer_persona": member.developer_persona,
        "projects": {
            "object": "list",
            "data": [{"id": m.project_id, "name": name, "role": m.role.value} for m, name in item.projects],
        },
    }


def user_removed(item: Removed) -> dict[str, object]:
    """`organization.user.deleted`, and the keys that were disabled with it: somebody has to take them over."""
    keys = [{"id": key.id, "name": key.name, "project_id": key.project_id} for key in item.keys]
    return {
        "object": "organization.user.deleted",
        "id": item.person.id,
        "deleted": True,
        "disabled_api_keys": keys,
    }


def invite(item: Invite, now: int) -> dict[str, object]:
    """`organization.invite`."""
    return {
        "object": "organization.invite",
        "id": item.id,
        "email": item.email,
        "role": item.role.value,
        "status": item.status(now).value,
        "created_at": item.created_at,
        "expires_at": item.expires_at,
        "accepted_at": item.accepted_at,
        "projects": [{"id": project_id, "role": role.value} for project_id, role in item.projects],
    }


def project_user(item: Placed) -> dict[str, object]:
    """`organization.project.user`."""
    person, member = item
    return {
        "object": "organization.project.user",
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "role": member.role.value,
        "added_at": member.added_at,
    }


def group(item: Group) -> dict[str, object]:
    """A group as groups are listed: OpenAI's has no `object`."""
    return {**group_renamed(item), "group_type": "group"}


def group_renamed(item: Group) -> dict[str, object]:
    """A group as its change is answered."""
    return {"id": item.id, "name": item.name, "created_at": item.created_at, "is_scim_managed": False}


def group_user(person: Person) -> dict[str, object]:
    """A person as a group's people are listed."""
    return {"id": person.id, "name": person.name, "email": person.email}


def group_member(person: Person) -> dict[str, object]:
    """A person of a group, alone."""
    return {**group_user(person), "picture": None, "is_service_account": False, "user_type": "user"}


def group_assignment(item: GroupMember) -> dict[str, object]:
    """`group.user`."""
    return {"object": "group.user", "user_id": item.user_id, "group_id": item.group_id}


def project_group(item: PlacedGroup) -> dict[str, object]:
    """`project.group`, and the ids of the roles that it holds."""
    return {
        "object": "project.group",
        "project_id": item.project_id,
        "group_id": item.group.id,
        "group_name": item.group.name,
        "group_type": "group",
        "created_at": item.since,
        "role_ids": list(item.role_ids),
    }
