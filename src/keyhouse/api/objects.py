"""Keyhouse's objects in OpenAI's shapes. Fields that OpenAI's objects lack are ours and stand at their end."""

from __future__ import annotations

from keyhouse.control.views import KeyView, Owner
from keyhouse.domain.projects import Project, ServiceAccount

# OpenAI's roles in a project are owner and member, in an organization owner and reader.
_PROJECT_ROLES = {"reader": "member"}


def project(item: Project) -> dict[str, object]:
    """`organization.project`."""
    return {
        "id": item.id,
        "object": "organization.project",
        "name": item.name,
        "created_at": item.created_at,
        "archived_at": item.archived_at,
        "status": item.status,
    }


def service_account(item: ServiceAccount) -> dict[str, object]:
    """`organization.project.service_account`."""
    return {
        "object": "organization.project.service_account",
        "id": item.id,
        "name": item.name,
        "role": item.role,
        "created_at": item.created_at,
    }


def service_account_key(key_id: str, name: str, created_at: int, value: str) -> dict[str, object]:
    """`organization.project.service_account.api_key`: in the answer that shows its secret, and nowhere else."""
    return {
        "object": "organization.project.service_account.api_key",
        "value": value,
        "name": name,
        "created_at": created_at,
        "id": key_id,
    }


def project_key(item: KeyView) -> dict[str, object]:
    """`organization.project.api_key`, a person's or a service account's."""
    return {
        "object": "organization.project.api_key",
        "id": item.key.id,
        "name": item.key.name,
        "redacted_value": item.key.redacted,
        "created_at": item.key.created_at,
        "last_used_at": item.key.last_used_at,
        "owner_project_access": "active" if item.owner.has_access else "inactive",
        "owner": {"type": item.owner.kind, item.owner.kind: _project_owner(item.owner)},
        "expires_at": item.key.expires_at,
        "models": item.key.models,
        "permissions": item.key.permissions.as_json(),
        "status": item.status.value,
    }


def admin_key(item: KeyView) -> dict[str, object]:
    """`organization.admin_api_key`."""
    return {
        "object": "organization.admin_api_key",
        "id": item.key.id,
        "name": item.key.name,
        "redacted_value": item.key.redacted,
        "created_at": item.key.created_at,
        "expires_at": item.key.expires_at,
        "last_used_at": item.key.last_used_at,
        "owner": {
            "type": "user",
            "object": "organization.user",
            "id": item.owner.id,
            "name": item.owner.name,
            "created_at": item.owner.created_at,
            "role": item.owner.role,
        },
        "status": item.status.value,
    }


def deleted(object_: str, identifier: str) -> dict[str, object]:
    return {"id": identifier, "object": f"{object_}.deleted", "deleted": True}


def _project_owner(owner: Owner) -> dict[str, object]:
    person: dict[str, object] = {} if owner.email is None else {"email": owner.email}
    role = _PROJECT_ROLES.get(owner.role, owner.role)
    return {"id": owner.id, **person, "name": owner.name, "created_at": owner.created_at, "role": role}
