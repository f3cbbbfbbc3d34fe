"""From a method and a raw request target to an operation. Exact bytes: nothing is decoded, normalised or guessed on the way."""

from __future__ import annotations

import re
from urllib.parse import unquote

from keyhouse.domain.errors import ErrorCode, KeyhouseError, shown
from keyhouse.domain.operations import OPERATIONS, Operation

_EXACT = {(o.method.encode(), o.path.encode()): o for o in OPERATIONS if "{" not in o.path}
_BY_PREFIX = [(o.method.encode(), o.path.partition("{")[0].encode(), o) for o in OPERATIONS if "{" in o.path]
# What may stand for {id}: RFC 3986's path characters but `;`. Clients differ in which of them they percent-encode.
_ID = re.compile(rb"(?:[A-Za-z0-9._~:@!$&'()*+,=/\-]|%[0-9A-Fa-f]{2})+")


def find(method: bytes, path: bytes) -> Operation:
    """Raises `unknown_route`, or `method_not_allowed` with an `Allow` header."""
    operation = _EXACT.get((method, path))
    if operation is not None:
        return operation
    for wanted, prefix, candidate in _BY_PREFIX:
        if wanted == method and path.startswith(prefix) and _ID.fullmatch(path, len(prefix)):
            return candidate
    raise _unknown(method, path)


def identifier(operation: Operation, path: bytes) -> str:
    """What stands for `{id}` in the path of this operation, percent-decoded once. A name to compare, never a path to walk."""
    return unquote(path[len(operation.path.partition("{")[0]) :].decode("ascii"))


def _unknown(method: bytes, path: bytes) -> KeyhouseError:
    allowed = sorted({m.decode() for m, p in _EXACT if p == path})
    allowed += sorted(
        {m.decode() for m, prefix, _ in _BY_PREFIX if path.startswith(prefix) and _ID.fullmatch(path, len(prefix))}
    )
    where = shown(path.decode("latin-1"))
    what = shown(method.decode("latin-1"))
    if allowed:
        message = f"{what} is not allowed on {where}; allowed: {', '.join(allowed)}."
        return KeyhouseError(ErrorCode.METHOD_NOT_ALLOWED, message, headers=[("allow", ", ".join(allowed))])
    return KeyhouseError(ErrorCode.UNKNOWN_ROUTE, f"Unknown request URL: {what} {where}. No operation is served there.")
