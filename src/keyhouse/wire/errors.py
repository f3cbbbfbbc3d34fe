"""OpenAI's error envelope: `{"error": {"message", "type", "param", "code"}}`, all four keys always there."""

from __future__ import annotations

import msgspec

from keyhouse.domain.errors import KeyhouseError

_encode = msgspec.json.Encoder().encode


def envelope(error: KeyhouseError) -> bytes:
    """The body of a refusal, as JSON."""
    body = {"message": error.message, "type": error.code.type, "param": error.param, "code": error.code.code}
    return _encode({"error": body})


def refusal_headers(error: KeyhouseError) -> list[tuple[bytes, bytes]]:
    """What a refusal's head carries besides its framing: the content type, its own headers, and whether to retry."""
    headers = [(b"content-type", b"application/json")]
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in error.headers]
    return headers
