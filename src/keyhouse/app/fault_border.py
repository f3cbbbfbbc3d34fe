"""The border of what goes the ASGI way: a fault of ours is a 500 in OpenAI's shape outside, and a traceback in the log."""

from __future__ import annotations

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.wire.errors import envelope, refusal_headers
from keyhouse.wire.headers import SECURITY_HEADERS

_log = structlog.get_logger(__name__)


class FaultBorder:
    """An ASGI application around another one, whose unexpected exceptions end here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def noting(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:  # the edge's border, for ASGI
            _log.exception("request failed", method=scope.get("method"), path=scope.get("path"))
            if not began:  # what began cannot be told; the connection is closed in its middle
                await _tell(send)


async def _tell(send: Send) -> None:
    error = KeyhouseError(ErrorCode.INTERNAL, "The server had an error while processing your request.")
    body = envelope(error)
    headers = [*refusal_headers(error), (b"content-length", b"%d" % len(body)), *SECURITY_HEADERS]
    await send({"type": "http.response.start", "status": error.code.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
