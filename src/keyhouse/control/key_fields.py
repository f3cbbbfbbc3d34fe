"""The fields of a key that a caller may give, on creation and on change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keyhouse.control import admin_keys, fields, limit_fields, tags
from keyhouse.control.fields import UNSET
from keyhouse.domain.errors import invalid
from keyhouse.domain.keys import Key
from keyhouse.domain.limits import RateLimits
from keyhouse.domain.permissions import Permissions


@dataclass(frozen=True, slots=True)
class KeyFields:
    """What a face was given for a key, unchecked; UNSET where it was not given. `models` and `ip_allowlist` null do
    not restrict, `expires_in_seconds` null never expires, `rate_limits` null does not limit. `scopes` of an admin key are
    permissions, of others OpenAI's scopes; `role_id` is of an admin key."""

    name: object = UNSET
    permissions: object = UNSET
    scopes: object = UNSET
    models: object = UNSET
    expires_in_seconds: object = UNSET
    ip_allowlist: object = UNSET
    rate_limits: object = UNSET
    spend_limit: object = UNSET
    tags: object = UNSET
    role_id: object = UNSET


def checked(given: KeyFields, now: int, *, admin: bool, name_required: bool) -> dict[str, Any]:
    """The given fields as attributes of a `Key` (its `expires_at` for `expires_in_seconds`). Raises for the first bad one."""
    if admin:
        fields.refuse_unenforced({"permissions": given.permissions, "models": given.models})
        fields.refuse_unenforced({"rate_limits": given.rate_limits, "spend_limit": given.spend_limit})
        tags.refuse_of_admin_key(given.tags)
    elif given.role_id is not UNSET:
        raise invalid("role_id", "Only an admin key is cut to a role.")
    wanted: dict[str, Any] = admin_keys.checked(given.role_id, given.scopes) if admin else {}
    if given.name is not UNSET or name_required:
        wanted["name"] = fields.name(given.name)
    if not admin and (given.permissions is not UNSET or given.scopes is not UNSET):
        wanted["permissions"] = _permissions(given)
    if given.models is not UNSET:
        wanted["models"] = fields.models(given.models)
    if given.expires_in_seconds is not UNSET:
        wanted["expires_at"] = fields.expiry(given.expires_in_seconds, now)
    if given.ip_allowlist is not UNSET:
        wanted["ip_allowlist"] = fields.ip_allowlist(given.ip_allowlist)
    if given.rate_limits is not UNSET and not admin:
        wanted["rate_limits"] = limit_fields.of_key(given.rate_limits)
    return wanted


def facts(wanted: dict[str, Any]) -> dict[str, object]:
    """Checked fields as JSON-able values, for the audit; OpenAI's `scopes` beside our `permissions`."""
    scopes = {"scopes": wanted["permissions"].scopes} if "permissions" in wanted else {}
    return {**scopes, **{name: _fact(value) for name, value in wanted.items()}}


def facts_of_new(key: Key, wanted: dict[str, Any]) -> dict[str, object]:
    """What the audit tells of a new key: as `facts` does, and its scopes in any case."""
    return {"scopes": key.permissions.scopes, **facts(wanted)}


def _fact(value: object) -> object:
    if isinstance(value, Permissions):
        return value.as_json()
    return value.given if isinstance(value, RateLimits) else value


def _permissions(given: KeyFields) -> Permissions:
    # Null is refused here: it must never be read as "all".
    if given.scopes is UNSET:
        return fields.permissions(given.permissions)
    if given.permissions is not UNSET:
        raise invalid("scopes", "Give either 'scopes' or 'permissions', not both.")
    return fields.permissions_of_scopes(given.scopes)
