"""Answers held to the types that the OpenAPI document is made of."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

from keyhouse.api import document


def require_conforming(method: str, path: str, body: bytes) -> None:
    """Fails unless the body of a 200 is what the operation's shape says: every field there, of its type, and no other."""
    type_ = _type_of(method, path)
    assert type_ is not None, f"{method} {path} has no shape"
    if type_ is bytes:
        return
    given = msgspec.json.decode(body)
    understood: Any = msgspec.convert(given, type_)
    assert msgspec.to_builtins(understood) == given, f"{method} {path} answers fields that its shape lacks"


def _type_of(method: str, path: str) -> Any:
    for pattern, operation in _operations():
        if operation.method == method and pattern.fullmatch(path):
            return operation.shape.answer
    return None


@cache
def _operations() -> list[tuple[re.Pattern[str], document.Described]]:
    """Paths with fewer parameters first: a fixed segment goes before a parameter."""
    every = sorted(document.described(), key=lambda operation: operation.path.count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", operation.path)), operation) for operation in every]
