"""Keyhouse's objects as JSON-able values in OpenAI's shapes, the same for every face. Fields that are ours stand at their end."""

from __future__ import annotations

from collections.abc import Mapping

from keyhouse.control.amounts import NANOS_PER_CENT
from keyhouse.control.service_accounts import AccountCreated
from keyhouse.control.views import KeyView, Owner
from keyhouse.domain.budgets import Budget
from keyhouse.domain.money import NANOS_PER_DOLLAR, Price
from keyhouse.domain.projects import Project, ServiceAccount
from keyhouse.domain.upstreams import Upstream

# OpenAI's roles in a project are owner and member, in an organization owner and reader.
_PROJECT_ROLES = {"reader": "member"}


def project(item: Project, tags: Mapping[str, str]) -> dict[str, object]:
    """`organization.project`, and its tags. One whose residency nobody named has none."""
    residency = {} if item.residency is None else {"residency": item.residency.value}
    return {
        "id": item.id,
        "object": "organization.project",
        "name": item.name,
        "created_at": item.created_at,
        "archived_at": item.archived_at,
        "status": item.status,
        "external_key_id": item.external_key_id,
        **residency,
        "tags": tags,
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
        "ip_allowlist": item.key.ip_allowlist,
        "models": item.key.models,
        "permissions": item.key.permissions.as_json(),
        "rate_limits": None if item.key.rate_limits is None else item.key.rate_limits.given,
        "spend_limit": None if item.spend_limit is None else spend_limit(item.spend_limit),
        "tags": item.tags,
        "status": item.status.value,
    }


def spend_limit(item: Budget) -> dict[str, object]:
    """OpenAI's `{threshold_amount, currency, interval}` of a budget that is a spend limit, in cents."""
    return {"threshold_amount": item.amount_nanos // NANOS_PER_CENT, "currency": "USD", "interval": "month"}


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
        "ip_allowlist": item.key.ip_allowlist,
        "role_id": item.key.role_id,
        "scopes": None if item.key.scopes is None else list(item.key.scopes),
        "status": item.status.value,
    }


def service_account_created(made: AccountCreated) -> dict[str, object]:
    """A new service account with `api_key`: its first key and the secret, null if none was wanted."""
    api_key = None
    if made.key is not None and made.value is not None:
        api_key = service_account_key(made.key.id, made.key.name, made.key.created_at, made.value)
    return {**service_account(made.account), "api_key": api_key}


def upstream(item: Upstream) -> dict[str, object]:
    """`upstream`, an object of ours: never its key."""
    return {
        "object": "upstream",
        "id": item.id,
        "name": item.name,
        "base_url": item.base_url,
        "redacted_key": item.key_redacted,
        "models": item.models,
        "listed_models": item.listed_models,
        "project_id": item.project_id,
        "ca_file": item.ca_file,
        "created_at": item.created_at,
    }


def price(item: Price) -> dict[str, object]:
    """`price`, an object of ours: US dollars per million tokens as exact decimal texts, null where there is no price."""
    rates = {
        "input": item.rates.input,
        "cached_input": item.rates.cached_input,
        "cache_write": item.rates.cache_write,
        "output": item.rates.output,
        "input_audio": item.rates.input_audio,
        "output_audio": item.rates.output_audio,
    }
    return {
        "object": "price",
        "id": item.id,
        "model": item.model,
        "effective_at": item.effective_at,
        **{unit: None if nanos is None else dollars(nanos) for unit, nanos in rates.items()},
        "tiers": len(item.tiers),
        "source": item.source,
    }


def dollars(nanos: int) -> str:
    """Integer nano-dollars as an exact decimal text: `2.5`."""
    whole, part = divmod(nanos, NANOS_PER_DOLLAR)
    return f"{whole}.{part:09d}".rstrip("0").rstrip(".")


def deleted(object_: str, identifier: str) -> dict[str, object]:
    """The answer to a deletion."""
    return {"id": identifier, "object": f"{object_}.deleted", "deleted": True}


def _project_owner(owner: Owner) -> dict[str, object]:
    person: dict[str, object] = {} if owner.email is None else {"email": owner.email}
    role = _PROJECT_ROLES.get(owner.role, owner.role)
    return {"id": owner.id, **person, "name": owner.name, "created_at": owner.created_at, "role": role}
