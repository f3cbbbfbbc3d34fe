"""A request's head as bytes."""

from __future__ import annotations

from keyhouse.upstream.contract import UpstreamRequest

_OURS = frozenset({b"host", b"content-length", b"transfer-encoding"})
_LENGTH_EXPECTED = frozenset({"POST", "PUT", "PATCH"})


def encode_head(request: UpstreamRequest, base_path: str, tail: str) -> bytes:
    """Request line, `host`, framing and the caller's headers. `tail` is `head_tail` of the origin.

    Raises `ValueError` (without a value in its text) where a line could be smuggled in or framing be said twice.
    """
    target = base_path + request.path
    if not _is_plain(target) or not request.method.isalpha() or not request.method.isascii():
        raise ValueError("the method or the request target has characters that do not belong there")
    framing = _framing(request)
    lines = [f"{request.method} {target}{tail}".encode("ascii"), framing]
    for name, value in request.headers:
        if name.lower() in _OURS:
            raise ValueError("host, content-length and transfer-encoding are the transport's own")
        lines.append(b"%b: %b\r\n" % (name, value))
    lines.append(b"\r\n")
    head = b"".join(lines)
    expected = len(request.headers) + (4 if framing else 3)
    if head.count(b"\n") != expected or head.count(b"\r") != expected or head.find(b"\0") >= 0:
        raise ValueError("a header has a line break or a NUL in it")
    return head


def head_tail(authority: str) -> str:
    """The part of a head that is the same for every request to one origin."""
    if not _is_plain("/" + authority):
        raise ValueError("the upstream's host has characters that do not belong there")
    return f" HTTP/1.1\r\nhost: {authority}\r\n"


def _is_plain(target: str) -> bool:
    return target.startswith("/") and target.isascii() and target.isprintable() and " " not in target


def _framing(request: UpstreamRequest) -> bytes:
    body = request.body
    if not isinstance(body, bytes):
        length = request.content_length
        return b"transfer-encoding: chunked\r\n" if length is None else b"content-length: %d\r\n" % length
    if body or request.method in _LENGTH_EXPECTED:
        return b"content-length: %d\r\n" % len(body)
    return b""
