"""`GET /v1/organization/usage/completions`, `/usage/embeddings` and `/costs`, as OpenAI's administration API has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyhouse.control import usage
from keyhouse.control.context import Caller, Control
from keyhouse.control.usage import COMPLETIONS, COSTS, EMBEDDINGS, Kind, Query
from keyhouse.domain.errors import invalid, shown

_NUMBERS = ("start_time", "end_time", "limit")
_WORDS = ("bucket_width", "page")
_FLAGS = {"true": True, "false": False}
_MAX_VALUES = 1000


def routes(control: Control) -> list[Route]:
    """The routes, to be mounted behind the authentication of admin keys."""

    def route(path: str, kind: Kind) -> Route:
        def answer(request: Request) -> Response:
            caller: Caller = request.state.caller
            page = usage.report(control, caller, kind, parse_query(kind, request.query_params.multi_items()))
            return Response(usage.as_json(page.buckets, page.next_page), media_type="application/json")

        return Route(path, answer, methods=["GET"])

    return [
        route("/v1/organization/usage/completions", COMPLETIONS),
        route("/v1/organization/usage/embeddings", EMBEDDINGS),
        route("/v1/organization/costs", COSTS),
    ]


def parse_query(kind: Kind, items: Sequence[tuple[str, str]]) -> Query:
    """The query string as a query. A list is `a=1&a=2` or `a[]=1&a[]=2`. Raises `invalid_value` naming the parameter."""
    given: dict[str, list[str]] = {}
    for name, value in items:
        given.setdefault(name.removesuffix("[]"), []).append(value)
    values: dict[str, Any] = {name: _value(kind, name, texts) for name, texts in given.items()}
    if "start_time" not in values:
        raise invalid("start_time", "'start_time' is required: the beginning of the range in Unix seconds.")
    return Query("", 0)._replace(**values)


def _value(kind: Kind, name: str, texts: list[str]) -> Any:
    if name == "group_by" or (name in kind.filters and name != "batch"):
        return _list(name, texts)
    if name not in (*_NUMBERS, *_WORDS, *kind.filters):
        raise invalid(shown(name), f"'{shown(name)}' is not a parameter of this report.")
    if len(texts) > 1:
        raise invalid(name, f"'{name}' is given more than once.")
    if name in _NUMBERS:
        return _number(name, texts[0])
    return _flag(name, texts[0]) if name == "batch" else texts[0]


def _list(name: str, texts: list[str]) -> tuple[str, ...]:
    if len(texts) > _MAX_VALUES:
        raise invalid(name, f"'{name}' has more than {_MAX_VALUES:,} values.")
    if "" in texts:
        raise invalid(name, f"'{name}' has an empty value; leave it out to ask for all.")
    return tuple(dict.fromkeys(texts))


def _number(name: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,12}", text):
        raise invalid(name, f"'{name}' must be a whole number, not '{shown(text)}'.")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text not in _FLAGS:
        raise invalid(name, f"'{name}' must be 'true' or 'false', not '{shown(text)}'.")
    return _FLAGS[text]
