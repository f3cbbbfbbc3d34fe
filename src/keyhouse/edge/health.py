"""`/healthz`: the process lives. `/readyz`: it can also serve calls. Neither needs a key, and neither tells more than that."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.edge.exchange import Exchange

PATHS = (b"/healthz", b"/readyz")
_JSON = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


def answer(exchange: Exchange, problem: Callable[[], str | None]) -> None:
    """`problem` is why no call could be served now, or None."""
    if exchange.method not in {b"GET", b"HEAD"}:
        error = KeyhouseError(
            ErrorCode.METHOD_NOT_ALLOWED, "Health is asked for with GET.", headers=[("allow", "GET, HEAD")]
        )
        exchange.refuse(error)
        return
    wrong = problem() if exchange.path == b"/readyz" else None
    body = {"status": "ok"} if wrong is None else {"status": "unavailable", "reason": wrong}
    exchange.reply(200 if wrong is None else 503, _JSON, msgspec.json.encode(body))
