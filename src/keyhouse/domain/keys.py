"""API keys: who holds them, what they may do, and the one state machine of their life.

A key has one name and one or more secrets: two while it rotates. Its status is derived, never stored:

    active ⇄ disabled        disable, enable
    active ⇄ quarantined     quarantine, enable
    any of these → expired   by time, final but for revoke
    any → revoked            final; a key that is deleted is revoked, and in no list any more

Where several apply the strongest shows: revoked, expired, quarantined, disabled, active.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.limits import RateLimits
from keyhouse.domain.permissions import ALL, Permissions


class KeyKind(Enum):
    ADMIN = "admin"
    SERVICE_ACCOUNT = "service_account"
    USER = "user"


class KeyStatus(Enum):
    ACTIVE = "active"
    DISABLED = "disabled"
    EXPIRED = "expired"
    QUARANTINED = "quarantined"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class KeySecret:
    """One secret of a key, as it is remembered: a digest, never the value. `valid_until` (Unix seconds): the end of its grace."""

    public_id: str
    key_id: str
    digest: bytes = field(repr=False)
    pepper_id: str
    redacted: str
    created_at: int
    valid_until: int | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a person, a service account or an administrator. Times are Unix seconds."""

    id: str
    kind: KeyKind
    organization_id: str
    project_id: str | None
    user_id: str | None
    service_account_id: str | None
    name: str
    created_at: int
    permissions: Permissions = ALL
    models: tuple[str, ...] | None = None
    expires_at: int | None = None
    last_used_at: int | None = None
    disabled_at: int | None = None
    quarantined_at: int | None = None
    revoked_at: int | None = None
    deleted_at: int | None = None
    """It is revoked too; only the ledger and the audit log still know it."""
    rate_limits: RateLimits | None = None
    """Over all models together."""
    role_id: str | None = None
    """Of an admin key: the role that it is cut to; None: what its person may do."""
    scopes: tuple[str, ...] | None = None
    """Of an admin key: the permissions that it is cut to."""
    ip_allowlist: tuple[str, ...] | None = None
    """Addresses and networks that it may be used from; None: from anywhere."""
    secrets: tuple[KeySecret, ...] = ()
    """Newest first."""

    def status(self, now: int) -> KeyStatus:
        if self.revoked_at is not None:
            return KeyStatus.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return KeyStatus.EXPIRED
        if self.quarantined_at is not None:
            return KeyStatus.QUARANTINED
        return KeyStatus.ACTIVE if self.disabled_at is None else KeyStatus.DISABLED

    @property
    def redacted(self) -> str:
        """The newest secret's redacted form."""
        return self.secrets[0].redacted if self.secrets else ""


def disabled(key: Key, now: int) -> Key:
    """The key, disabled. Disabling a disabled key changes nothing."""
    _refuse_if(key, now, "disabled", KeyStatus.REVOKED, KeyStatus.EXPIRED)
    return key if key.disabled_at is not None else replace(key, disabled_at=now)


def enabled(key: Key, now: int) -> Key:
    """The key, usable again: ends both a disablement and a quarantine."""
    _refuse_if(key, now, "enabled", KeyStatus.REVOKED, KeyStatus.EXPIRED)
    return replace(key, disabled_at=None, quarantined_at=None)


def quarantined(key: Key, now: int) -> Key:
    """The key, out of use until somebody has looked."""
    _refuse_if(key, now, "quarantined", KeyStatus.REVOKED, KeyStatus.EXPIRED)
    return key if key.quarantined_at is not None else replace(key, quarantined_at=now)


def revoked(key: Key, now: int) -> Key:
    """The key, revoked for good. Revoking a revoked key changes nothing."""
    return key if key.revoked_at is not None else replace(key, revoked_at=now)


def deleted(key: Key, now: int) -> Key:
    """The key, revoked and out of every list. Deleting a deleted key changes nothing."""
    return key if key.deleted_at is not None else replace(revoked(key, now), deleted_at=now)


def require_changeable(key: Key, now: int) -> None:
    """Raises `conflict` for a key whose life is over: it can be shown and listed, not changed."""
    _refuse_if(key, now, "changed", KeyStatus.REVOKED, KeyStatus.EXPIRED)


def require_rotatable(key: Key, now: int) -> None:
    """Raises `conflict` unless the key is active: a new secret for a key out of use would be refused anyway."""
    _refuse_if(key, now, "rotated", KeyStatus.REVOKED, KeyStatus.EXPIRED, KeyStatus.QUARANTINED, KeyStatus.DISABLED)


def _refuse_if(key: Key, now: int, verb: str, *statuses: KeyStatus) -> None:
    status = key.status(now)
    if status in statuses:
        advice = (
            "enable it first" if status in {KeyStatus.DISABLED, KeyStatus.QUARANTINED} else "create a new key instead"
        )
        message = f"Key '{key.id}' is {status.value} and can no longer be {verb}; {advice}."
        raise KeyhouseError(ErrorCode.CONFLICT, message)
