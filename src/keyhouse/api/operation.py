"""An operation of the administration API, and what its handler is given.

A handler is an ordinary function that may block: it runs in a worker thread, never on the event loop. It returns what
is encoded as the JSON of a 200, or raises `KeyhouseError`.

An operation declares its shape in `api/shapes/`, in its resource's file: `"METHOD /path": Shape(sentence, answer, query=, body=)`
within a `Group`, which stands in `shapes/table.py`. Answer, query and body are msgspec structs: `UNSET` for a field that may be
absent, `Meta` for bounds. The OpenAPI document is made of them, and tests hold every answer to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from keyhouse.control.context import Caller, Control
from keyhouse.wire.query import Query


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request. `path` holds the path's parameters, `body` the operation's struct (None without one)."""

    control: Control
    caller: Caller
    path: Mapping[str, str]
    query: Query
    body: Any


Handler = Callable[[Call], object]


@dataclass(frozen=True, slots=True)
class Operation:
    """`path` in Starlette's notation. `verb`: the verb of control in which the handler ends; it tells what a caller needs.
    `query`: the parameters it has; any other is refused. `body`: the struct of its body, None for operations without one;
    `body_optional` takes an absent body for `{}`."""

    method: str
    path: str
    handler: Handler
    verb: Callable[..., object]
    query: tuple[str, ...] = ()
    body: type[msgspec.Struct] | None = None
    body_optional: bool = False
