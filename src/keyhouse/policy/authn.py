"""Who calls: from an `Authorization` header to a credential, or a 401.

Unknown, malformed and wrong secrets get the same answer at the same cost; what became of a key (revoked, expired …) is told
only to somebody who holds its secret.
"""

from __future__ import annotations

from datetime import UTC, datetime

from keyhouse.domain import keyformat
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keyformat import BODY_LENGTH, MAX_LENGTH, PUBLIC_ID_LENGTH
from keyhouse.domain.keys import KeyStatus
from keyhouse.policy.keyring import Credential, Keyring
from keyhouse.policy.peppers import Peppers

_NO_DIGEST = bytes(32)
_ADVICE = "See keyhouse keys list, or create a new key."


class Authenticator:
    def __init__(self, keyring: Keyring, peppers: Peppers) -> None:
        self._keyring = keyring
        self._peppers = peppers

    async def authenticate(self, authorization: bytes | None, now: int) -> Credential:
        """The credential behind a `Bearer` header at `now` (Unix seconds). Raises 401."""
        value = _bearer(authorization)
        credential = self._keyring.get(_public_id(value))
        if credential is None and keyformat.parse(value) is not None:
            credential = await self._keyring.load(_public_id(value))
        if credential is None:
            self._peppers.verify(value, self._peppers.current, _NO_DIGEST)  # the time that a wrong secret takes
            raise _unknown()
        if not self._peppers.verify(value, credential.pepper_id, credential.digest):
            raise _unknown()
        if not credential.usable or (credential.valid_until is not None and credential.valid_until <= now):
            raise refusal_of(credential, now)
        return credential

    def holds(self, credential: Credential) -> bool:
        """Whether this is still what is known of the secret. If not, it was changed, or forgotten to make room."""
        return self._keyring.get(credential.public_id) is credential


class EndedKeyError(KeyhouseError):
    """A secret that verified, of a key that is no longer of use: whose it was is known."""

    def __init__(self, code: ErrorCode, message: str, credential: Credential) -> None:
        super().__init__(code, message)
        self.credential = credential


def refusal_of(credential: Credential, now: int) -> EndedKeyError:
    """Why a verified secret is refused, in words for its holder."""
    key = credential.key
    status = key.status(now)
    code = ErrorCode.INVALID_API_KEY
    if status is KeyStatus.REVOKED:
        reason = f"was revoked on {_date(key.revoked_at)} and stays so"
    elif status is KeyStatus.EXPIRED:
        reason = f"expired on {_date(key.expires_at)}"
    elif status is KeyStatus.QUARANTINED:
        code, reason = ErrorCode.KEY_QUARANTINED, "is quarantined until its owner or an administrator enables it"
    elif status is KeyStatus.DISABLED:
        code, reason = ErrorCode.KEY_DISABLED, "is disabled until its owner or an administrator enables it"
    else:
        reason = f"was rotated, and the old secret ended on {_date(credential.valid_until)}; use the new one"
    return EndedKeyError(code, f"The API key {key.redacted} ('{key.name}') {reason}.", credential)


def _bearer(authorization: bytes | None) -> str:
    if authorization is None:
        raise KeyhouseError(
            ErrorCode.INVALID_API_KEY,
            "You didn't provide an API key. Send it in an Authorization header: 'Authorization: Bearer YOUR_KEY'.",
        )
    scheme, _, value = authorization.partition(b" ")
    value = value.strip()
    if scheme.lower() != b"bearer" or not value or len(value) > MAX_LENGTH or not value.isascii():
        raise _unknown()
    return value.decode("ascii")


def _public_id(value: str) -> str:
    start = len(value) - BODY_LENGTH
    return value[start : start + PUBLIC_ID_LENGTH] if start > 0 else ""


def _unknown() -> KeyhouseError:
    return KeyhouseError(ErrorCode.INVALID_API_KEY, f"Incorrect API key provided. {_ADVICE}")


def _date(seconds: int | None) -> str:
    return (
        "an unknown date" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    )
