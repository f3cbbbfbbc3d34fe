"""Bodies of operations on keys. Values are checked by the use cases; here only the fields' names are."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.control.key_fields import KeyFields


class ProjectKeyBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Any = UNSET
    permissions: Any = UNSET
    models: Any = UNSET
    expires_in_seconds: Any = UNSET
    ip_allowlist: Any = UNSET
    rate_limits: Any = UNSET
    spend_limit: Any = UNSET
    tags: Any = UNSET

    def fields(self) -> KeyFields:
        return KeyFields(**msgspec.structs.asdict(self))


class ServiceAccountKeyBody(ProjectKeyBody, forbid_unknown_fields=True):
    """As a project key's, and OpenAI's `scopes`."""

    scopes: Any = UNSET


class AdminKeyBody(ProjectKeyBody, forbid_unknown_fields=True):
    """As OpenAI's, which has a name and an expiry, and the role and the permissions that the key is cut to."""

    role_id: Any = UNSET
    scopes: Any = UNSET


class RotateBody(msgspec.Struct, forbid_unknown_fields=True):
    grace_seconds: Any = 0
