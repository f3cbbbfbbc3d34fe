"""What an admin key is cut to: a role of the organization, and permissions. `authority.of_admin_key` says what that leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keyhouse.control.context import Caller
from keyhouse.control.fields import UNSET
from keyhouse.control.roles import require_role
from keyhouse.domain.authority import permission_of
from keyhouse.domain.errors import invalid, shown
from keyhouse.domain.keys import Key
from keyhouse.store.contract import Transaction


def checked(role_id: object, scopes: object) -> dict[str, Any]:
    """The given fields as attributes of a `Key`; null does not cut."""
    wanted: dict[str, Any] = {}
    if role_id is not UNSET:
        if role_id is not None and not isinstance(role_id, str):
            raise invalid("role_id", "'role_id' must be the id of a role of the organization, or null.")
        wanted["role_id"] = role_id
    if scopes is not UNSET:
        wanted["scopes"] = None if scopes is None else _scopes(scopes)
    return wanted


def require_its_role(tx: Transaction, caller: Caller, key: Key) -> None:
    """Raises `not_found` where the key is cut to a role that the organization does not have."""
    if key.role_id is not None:
        require_role(tx, caller, None, key.role_id)


def _scopes(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise invalid("scopes", "'scopes' must be a list of permissions such as 'api.groups.read', or null.")
    for place, entry in enumerate(value):
        param = f"scopes[{place}]"
        if not isinstance(entry, str):
            raise invalid(param, f"'{param}' must be a string.")
        if permission_of(entry) is None:
            raise invalid(param, f"'{shown(entry)}' is not a permission.")
    return tuple(dict.fromkeys(value))
