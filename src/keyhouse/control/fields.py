"""What the fields of a request may hold. Each function returns the value to store, or raises `invalid_value` naming the field.

Faces hand in what they were given; `UNSET` stands for a field that was not given, which is not the same as null.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from msgspec import UNSET, UnsetType

from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, shown
from keyhouse.domain.networks import network_of, written
from keyhouse.domain.permissions import Access, Permissions, Resource, parse_permissions, scope

__all__ = ["UNSET", "UnsetType"]

MAX_NAME = 256
MAX_MODELS = 100
MAX_NETWORKS = 1000
DAY = 86_400
MAX_LIFETIME = 3650 * DAY
MAX_GRACE = 30 * DAY

_SCOPES = {scope(r, a): (r, a) for r in Resource for a in (Access.READ, Access.WRITE)}


def name(value: object, param: str = "name") -> str:
    """A name of 1 to 256 characters, none of them a control character, spaces at its ends cut off."""
    if not isinstance(value, str):
        raise invalid(param, f"'{param}' is required." if value is UNSET else f"'{param}' must be a string.")
    text = value.strip()
    if not 1 <= len(text) <= MAX_NAME:
        raise invalid(param, f"'{param}' must have 1 to {MAX_NAME} characters.")
    if any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in text):
        raise invalid(param, f"'{param}' must not contain control characters.")
    return text


def model(value: object, param: str = "model") -> str:
    """The name of one model, whether anything serves it or not; a glob is refused."""
    text = name(value, param)
    if any(c in text for c in "*?["):
        raise invalid(param, f"'{param}' must be the name of one model, not a glob.")
    return text


def models(value: object, param: str = "models") -> tuple[str, ...] | None:
    """Names and globs of models, each once. Null does not restrict; an empty list allows nothing."""
    return None if value is None else _each(value, param, "model names and globs", MAX_MODELS, name)


def ip_allowlist(value: object, param: str = "ip_allowlist") -> tuple[str, ...] | None:
    """Addresses and CIDRs as they are written, each once. Null does not restrict; an empty list allows nothing."""
    return None if value is None else _each(value, param, "addresses and CIDRs", MAX_NETWORKS, _network)


def _each(value: object, param: str, what: str, most: int, read: Callable[[object, str], str]) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise invalid(param, f"'{param}' must be null or a list of {what}.")
    if len(value) > most:
        raise invalid(param, f"'{param}' must not have more than {most:,} entries.")
    return tuple(dict.fromkeys(read(entry, f"{param}[{i}]") for i, entry in enumerate(value)))


def _network(value: object, param: str) -> str:
    if not isinstance(value, str):
        raise invalid(param, f"'{param}' must be a string.")
    try:
        return written(network_of(value.strip()))
    except ValueError as error:
        raise invalid(param, f"'{param}' cannot be '{shown(value)}': {error}.") from None


def seconds(value: object, param: str, low: int, high: int) -> int:
    """A whole number of seconds between `low` and `high`."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise invalid(param, f"'{param}' must be a whole number of seconds between {low:,} and {high:,}.")
    return value


def expiry(value: object, now: int, param: str = "expires_in_seconds") -> int | None:
    """When something ends that lives this many seconds from now (1 to ten years); null: never."""
    return None if value is None else now + seconds(value, param, 1, MAX_LIFETIME)


def grace(value: object, param: str = "grace_seconds") -> int:
    """How long the old secret of a rotated key works on: 0 seconds to 30 days."""
    return seconds(value, param, 0, MAX_GRACE)


def permissions(value: object, param: str = "permissions") -> Permissions:
    """`"all"`, `"read_only"` or `{resource: access}`."""
    return parse_permissions(value, param=param)


def permissions_of_scopes(value: object, param: str = "scopes") -> Permissions:
    """The permissions that a list of scopes such as `api.chat.write` grants; an empty list grants nothing."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise invalid(param, f"'{param}' must be a list of scopes such as 'api.chat.write'.")
    granted: dict[str, str] = {}
    for i, entry in enumerate(value):
        if not isinstance(entry, str) or entry not in _SCOPES:
            raise invalid(
                f"{param}[{i}]", f"'{shown(str(entry))}' is not a scope; scopes are api.<resource>.<read|write>."
            )
        resource, access = _SCOPES[entry]
        if granted.get(resource.value) != Access.WRITE.value:
            granted[resource.value] = access.value
    return parse_permissions(granted, param=param)


def not_enforced(param: str) -> KeyhouseError:
    """400 for a field that is known and has no effect yet: storing it would pretend that it had."""
    message = f"'{param}' is not enforced yet, so it is refused rather than stored."
    return KeyhouseError(ErrorCode.NOT_SUPPORTED, message, param=param)


def refuse_unenforced(given: dict[str, object]) -> None:
    """Raises `not_supported` for the first field that holds a value; null and absent ask for nothing."""
    for param, value in given.items():
        if value is not UNSET and value is not None:
            raise not_enforced(param)
