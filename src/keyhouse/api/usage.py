"""`GET /v1/organization/usage/…` and `/costs`, as OpenAI's administration API has them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyhouse.control import usage
from keyhouse.control.context import Caller, Control
from keyhouse.control.usage import COSTS, USAGE, Kind, Query, Result
from keyhouse.domain.errors import invalid
from keyhouse.wire.query import Query as Parameters

_MAX_NUMBER = 10**12
_COMMON = ("start_time", "end_time", "bucket_width", "group_by", "limit", "page")


def routes(control: Control) -> list[Route]:
    """The routes, to be mounted behind the authentication of admin keys, which leaves the caller in `request.state.caller`."""

    def route(path: str, kind: Kind[Result]) -> Route:
        def answer(request: Request) -> Response:
            caller: Caller = request.state.caller
            page = usage.report(
                control, caller, kind, query_of(kind, caller, Parameters(request.scope["query_string"]))
            )
            return Response(usage.as_json(page.buckets, page.next_page), media_type="application/json")

        return Route(path, answer, methods=["GET"])

    return [
        *(route(f"/v1/organization/usage/{kind.name}", kind) for kind in USAGE),
        route("/v1/organization/costs", COSTS),
    ]


def query_of(kind: Kind[Result], caller: Caller, parameters: Parameters) -> Query:
    """What the parameters ask for. Raises `invalid_value` naming the parameter; the report checks ranges and names."""
    parameters.refuse_unknown((*_COMMON, *kind.filters))
    start_time = _number(parameters, "start_time")
    if start_time is None:
        raise invalid("start_time", "'start_time' is required: where the range begins, in Unix seconds.")
    return Query(
        organization_id=caller.organization_id,
        start_time=start_time,
        end_time=_number(parameters, "end_time"),
        bucket_width=parameters.one("bucket_width") or "1d",
        group_by=_list(parameters, "group_by") or (),
        project_ids=_list(parameters, "project_ids"),
        user_ids=_list(parameters, "user_ids"),
        api_key_ids=_list(parameters, "api_key_ids"),
        models=_list(parameters, "models"),
        line_items=_list(parameters, "line_items"),
        batch=parameters.boolean("batch"),
        sources=_list(parameters, "sources"),
        sizes=_list(parameters, "sizes"),
        context_levels=_list(parameters, "context_levels"),
        vector_store_ids=_list(parameters, "vector_store_ids"),
        limit=_number(parameters, "limit"),
        page=parameters.one("page"),
    )


def _number(parameters: Parameters, name: str) -> int | None:
    return parameters.integer(name, low=0, high=_MAX_NUMBER)


def _list(parameters: Parameters, name: str) -> tuple[str, ...] | None:
    values = parameters.many(name)
    if values is not None and "" in values:
        raise invalid(name, f"'{name}' has an empty value; leave the parameter out to ask for everything.")
    return None if values is None else tuple(dict.fromkeys(values))
