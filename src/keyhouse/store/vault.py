"""Small secrets at rest, such as upstreams' keys: AES-256-GCM under a master key that lives outside the database.

A sealed text is: format (1 byte, 0x01), length of the master key's id (1 byte), that id, nonce (12 bytes, random), ciphertext
with its tag of 16 bytes. Format, id and context are authenticated. Random nonces are safe for 2^32 texts under one key
(NIST SP 800-38D); a house seals one for each upstream, and one for each answer that it keeps for a retry.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keyhouse.domain.errors import ErrorCode, KeyhouseError

_FORMAT = b"\x01"
_NONCE_LENGTH = 12


class Vault:
    """`contract.Sealer` under a set of master keys (32 bytes each, by id): seals under the current, opens under any."""

    def __init__(self, current: str, by_id: Mapping[str, bytes]) -> None:
        self._current = current
        self._ciphers = {id_: AESGCM(key) for id_, key in by_id.items()}

    def seal(self, plain: bytes, context: str) -> bytes:
        header = _header(self._current)
        nonce = secrets.token_bytes(_NONCE_LENGTH)
        return header + nonce + self._ciphers[self._current].encrypt(nonce, plain, header + context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Raises `secrets_missing` if the master key is not there, or the text was changed or sealed for something else."""
        id_ = sealed[2 : 2 + sealed[1]].decode("ascii", "replace") if len(sealed) > 1 else ""
        header = sealed[: 2 + len(id_)]
        cipher = self._ciphers.get(id_)
        if cipher is None or header != _header(id_):
            raise KeyhouseError(
                ErrorCode.SECRETS_MISSING, "A stored secret was sealed under a master key that is not here."
            )
        nonce, ciphertext = sealed[len(header) :][:_NONCE_LENGTH], sealed[len(header) + _NONCE_LENGTH :]
        try:
            return cipher.decrypt(nonce, ciphertext, header + context.encode())
        except (InvalidTag, ValueError):
            message = "A stored secret does not open: it was changed, or belongs to something else."
            raise KeyhouseError(ErrorCode.SECRETS_MISSING, message) from None


def _header(id_: str) -> bytes:
    return _FORMAT + bytes([len(id_)]) + id_.encode("ascii")
