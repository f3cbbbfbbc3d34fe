"""Headers that every answer of the administration side carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Answers hold other people's names and, once, a secret: nothing may keep, frame, sniff or refer to them.
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


def header(headers: list[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The first value of a request header, by lower-case name."""
    return next((value.decode("latin-1") for key, value in headers if key == name), None)


def client_of(scope: Mapping[str, Any]) -> str | None:
    """The client's address, as an ASGI scope has it; None where it is not known."""
    client = scope.get("client")
    return client[0] if client else None
