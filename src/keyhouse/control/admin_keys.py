"""What an admin key is cut to: a role of the organization, permissions, and the networks that it may be used from.
`authority.of_admin_key` says what the first two leave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keyhouse.control.context import Caller
from keyhouse.control.fields import UNSET
from keyhouse.control.roles import require_role
from keyhouse.domain.authority import permission_of
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, shown
from keyhouse.domain.keys import Key
from keyhouse.domain.networks import Networks
from keyhouse.store.contract import Transaction

_SHOWN = 5


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


def require_its_networks(caller: Caller, key: Key) -> None:
    """A key that may be used from some networks alone begets none that may be used from elsewhere: whoever has it could lift what
    binds it. Raises `insufficient_permissions` saying which list is needed."""
    if caller.networks is None:
        return
    if key.ip_allowlist is None or not Networks(caller.networks).cover(key.ip_allowlist):
        more = f" and {len(caller.networks) - _SHOWN} more" if len(caller.networks) > _SHOWN else ""
        message = (
            f"Your key may be used from {', '.join(caller.networks[:_SHOWN])}{more} alone, and so may every admin key that it "
            "makes, changes, enables or rotates: 'ip_allowlist' must be a list of addresses and CIDRs within those."
        )
        raise KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, message, param="ip_allowlist")


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
