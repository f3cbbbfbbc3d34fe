"""How a secret comes to be: minted, digested under the current pepper, and handed out once."""

from __future__ import annotations

from dataclasses import dataclass, field

from keyhouse.control.context import Control
from keyhouse.domain import ids, keyformat
from keyhouse.domain.keyformat import SecretKind
from keyhouse.domain.keys import Key, KeyKind, KeySecret
from keyhouse.domain.limits import RateLimits
from keyhouse.domain.permissions import ALL, Permissions

_SECRET_KINDS = {
    KeyKind.ADMIN: SecretKind.ADMIN,
    KeyKind.SERVICE_ACCOUNT: SecretKind.SERVICE_ACCOUNT,
    KeyKind.USER: SecretKind.PROJECT,
}


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a key is. A person's project key has a project and a user, a service account's key a project and the account,
    an admin key a user alone."""

    kind: KeyKind
    project_id: str | None = None
    user_id: str | None = None
    service_account_id: str | None = None


@dataclass(frozen=True, slots=True)
class Minted:
    """A key that is not stored yet, with the only full copy of its secret."""

    key: Key
    value: str = field(repr=False)


def mint_key(
    control: Control,
    organization_id: str,
    holder: Holder,
    now: int,
    *,
    name: str,
    permissions: Permissions = ALL,
    models: tuple[str, ...] | None = None,
    expires_at: int | None = None,
    ip_allowlist: tuple[str, ...] | None = None,
    rate_limits: RateLimits | None = None,
    role_id: str | None = None,
    scopes: tuple[str, ...] | None = None,
) -> Minted:
    """A new key with its first secret."""
    key_id = ids.new_id(ids.KEY)
    secret, value = mint_secret(control, holder.kind, key_id, now)
    key = Key(
        id=key_id,
        kind=holder.kind,
        organization_id=organization_id,
        project_id=holder.project_id,
        user_id=holder.user_id,
        service_account_id=holder.service_account_id,
        name=name,
        created_at=now,
        permissions=permissions,
        models=models,
        expires_at=expires_at,
        ip_allowlist=ip_allowlist,
        rate_limits=rate_limits,
        role_id=role_id,
        scopes=scopes,
        secrets=(secret,),
    )
    return Minted(key, value)


def mint_secret(control: Control, kind: KeyKind, key_id: str, now: int) -> tuple[KeySecret, str]:
    """(what is remembered of a new secret, its full value)."""
    secret = keyformat.mint(_SECRET_KINDS[kind])
    pepper_id, digest = control.peppers.digest(secret.value)
    return KeySecret(secret.public_id, key_id, digest, pepper_id, secret.redacted, now), secret.value
