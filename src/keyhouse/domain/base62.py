"""Base62 in the order 0-9A-Za-z, fixed width, most significant digit first."""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHARACTERS = frozenset(ALPHABET)
_PAIRS = tuple(a + b for a in ALPHABET for b in ALPHABET)


def encode(number: int, width: int) -> str:
    """The `width` least significant base62 digits of a non-negative number."""
    out = ""
    while width >= 2:  # two digits a step: request ids are made on the call's path
        number, pair = divmod(number, 3844)
        out = _PAIRS[pair] + out
        width -= 2
    return ALPHABET[number % 62] + out if width else out


def is_base62(text: str) -> bool:
    return CHARACTERS.issuperset(text)
