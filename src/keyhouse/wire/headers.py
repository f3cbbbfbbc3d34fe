"""Headers that every answer of the administration side carries."""

from __future__ import annotations

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
