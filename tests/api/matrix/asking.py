"""A request straight to the application, of which nothing is left in the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from keyhouse.store.contract import Store, Transaction


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


class _UndoError(Exception):
    """Ends a transaction that is to leave nothing."""


class UndoneStore:
    """A store whose every written transaction comes to its end and is taken back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self) -> AbstractContextManager[Transaction]:
        return self._undone()

    @contextmanager
    def _undone(self) -> Iterator[Transaction]:
        try:
            with self._store.write() as tx:
                yield tx
                raise _UndoError
        except _UndoError:
            pass


async def asked(app: ASGIApp, method: str, path: str, key: str, *, body: Any = None, query: str = "") -> Answer:
    """`key` empty: none is sent; `body` None: none is sent."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = [(b"content-length", str(len(content)).encode())]
    headers += [(b"authorization", f"Bearer {key}".encode())] if key else []
    scope: Scope = {
        "type": "http", "http_version": "1.1", "scheme": "http", "method": method, "path": path, "raw_path": path.encode(),
        "root_path": "", "query_string": query.encode(), "headers": headers, "client": ("127.0.0.1", 1), "state": {},
    }  # fmt: skip
    status, answered = 0, b""

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, answered
        status = message.get("status", status)
        answered += message.get("body", b"")

    await app(scope, receive, send)
    return Answer(status, answered)
