"""The shape of a secret: `sk-kh<kind>_<public id><secret><checksum>`.

Starts with `sk-` because applications check that. Base62 throughout: a public id of 12 characters that names one
secret and is safe to log, 32 secret characters (190 bits), and a CRC-32 over everything before it (6), so that a scanner decides
offline. Never contains `T3BlbkFJ`, by which other scanners know OpenAI's own keys.
"""

from __future__ import annotations

import re
import secrets
import zlib
from dataclasses import dataclass, field
from enum import Enum

from keyhouse.domain import base62

PUBLIC_ID_LENGTH = 12
SECRET_LENGTH = 32
CHECKSUM_LENGTH = 6
BODY_LENGTH = PUBLIC_ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
_FOREIGN_MARK = "T3BlbkFJ"


class SecretKind(Enum):
    """Whose secret it is, by prefix."""

    ADMIN = "sk-khadm_"
    EPHEMERAL = "ek_kh_"
    PROJECT = "sk-kh_"
    SERVICE_ACCOUNT = "sk-khsvc_"


_WHOLE = re.compile(rf"((?:sk-kh(?:adm|svc)?|ek_kh)_)[0-9A-Za-z]{{{BODY_LENGTH - 4}}}([0-9A-Za-z]{{4}})")
_KINDS = {kind.value: kind for kind in SecretKind}
MAX_LENGTH = max(map(len, _KINDS)) + BODY_LENGTH


@dataclass(frozen=True, slots=True)
class Secret:
    """A freshly minted secret. `value` is the only full copy; it never enters a repr."""

    value: str = field(repr=False)
    kind: SecretKind
    public_id: str
    redacted: str


def mint(kind: SecretKind) -> Secret:
    """A new secret of this kind."""
    while True:
        body = "".join(secrets.choice(base62.ALPHABET) for _ in range(PUBLIC_ID_LENGTH + SECRET_LENGTH))
        value = kind.value + body
        value += checksum(value)
        if _FOREIGN_MARK not in value:
            return Secret(value, kind, body[:PUBLIC_ID_LENGTH], redact(value))


def parse(value: str) -> tuple[SecretKind, str] | None:
    """(kind, public id) of a well-formed secret whose checksum holds; None for anything else."""
    if len(value) > MAX_LENGTH:
        return None
    prefix, mark, body = value.partition("_kh_") if value.startswith("ek") else value.partition("_")
    kind = _KINDS.get(prefix + mark)
    if kind is None or len(body) != BODY_LENGTH or not base62.is_base62(body):
        return None
    if checksum(value[:-CHECKSUM_LENGTH]) != value[-CHECKSUM_LENGTH:]:
        return None
    return kind, body[:PUBLIC_ID_LENGTH]


def checksum(text: str) -> str:
    """CRC-32 of the ASCII text, as six base62 digits."""
    return base62.encode(zlib.crc32(text.encode("ascii")), CHECKSUM_LENGTH)


def redact(value: str) -> str:
    """`sk-kh_…a1b2`: the kind and the last four characters, enough for its owner to know it by."""
    prefix = next((p for p in _KINDS if value.startswith(p)), "")
    return f"{prefix}…{value[-4:]}"


def redact_within(text: str) -> str:
    """The text with every whole secret in it redacted: people paste keys where names belong, and names are repeated and kept."""
    return _WHOLE.sub(r"\1…\2", text)
