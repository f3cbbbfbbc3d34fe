"""The administration API as one ASGI application.

What can be wrong is told in this order: 401, then 404 and 405 of the route, 403, 400, and what the use case refuses.
Use cases block, so they run in worker threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keyhouse.api import (
    admin_keys,
    audit_logs,
    budgets,
    certificates,
    credit,
    data_retention,
    groups,
    hosted_tools,
    increases,
    invites,
    invoices,
    keys,
    model_permissions,
    notices,
    prices,
    project_users,
    projects,
    rate_limits,
    role_assignments,
    roles,
    service_accounts,
    spend_alerts,
    spend_limits,
    upstreams,
    usage,
    users,
)
from keyhouse.api.operation import Call, Operation
from keyhouse.control import invoices as invoicing
from keyhouse.control import usage as reports
from keyhouse.control.authority import needs_of
from keyhouse.control.context import Caller, Control, KnownCallerError
from keyhouse.control.projects import exists
from keyhouse.domain.errors import ErrorCode, KeyhouseError, shown
from keyhouse.domain.ids import RequestIds
from keyhouse.wire.errors import envelope, refusal_headers
from keyhouse.wire.headers import SECURITY_HEADERS, client_of, header
from keyhouse.wire.json_body import ClientGone, decode_object, read_body, refuse_body
from keyhouse.wire.query import Query

Authenticate = Callable[[str | None, str | None], Caller]
"""Given the `Authorization` header and the client's address, the caller. Raises 401 for a key that does not verify, 403 for one
that is no admin key; `KnownCallerError` where the key is known. May block: it runs in a worker thread."""

NoteRefusal = Callable[[Caller, KeyhouseError, str, str], None]
"""Given a refusal with 401 or 403 of a caller who is known, and the method and path: never blocks, never raises."""

OPERATIONS = (
    *admin_keys.OPERATIONS,
    *audit_logs.OPERATIONS,
    *budgets.OPERATIONS,
    *certificates.OPERATIONS,
    *credit.OPERATIONS,
    *groups.OPERATIONS,
    *increases.OPERATIONS,
    *invites.OPERATIONS,
    *invoices.OPERATIONS,
    *keys.OPERATIONS,
    *data_retention.OPERATIONS,
    *hosted_tools.OPERATIONS,
    *model_permissions.OPERATIONS,
    *notices.OPERATIONS,
    *prices.OPERATIONS,
    *project_users.OPERATIONS,
    *projects.OPERATIONS,
    *rate_limits.OPERATIONS,
    *role_assignments.OPERATIONS,
    *roles.OPERATIONS,
    *service_accounts.OPERATIONS,
    *spend_alerts.OPERATIONS,
    *spend_limits.OPERATIONS,
    *upstreams.OPERATIONS,
    *users.OPERATIONS,
)


def build(
    control: Control,
    authenticate: Authenticate,
    request_ids: RequestIds | None = None,
    note_refusal: NoteRefusal | None = None,
) -> ASGIApp:
    """The application for HTTP requests under `/v1/organization` and `/v1/projects`.

    `request_ids` are the process's, so that ids stay unique beside those of the data plane.
    """
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    routes = [Route(path, _Resource(control, by), methods=list(by)) for path, by in by_path.items()]
    routes += [Route(route.path, _Guard(route, verb), methods=["GET"]) for route, verb in read_routes(control)]
    router = Router(routes, redirect_slashes=False, default=_unknown_route)
    return _Front(control, authenticate, router, request_ids or RequestIds(), note_refusal)


def read_routes(control: Control) -> list[tuple[Route, Callable[..., object]]]:
    """The routes that answer something else than an object, each with the verb of control in which it ends."""
    return [
        *((route, reports.report) for route in usage.routes(control)),
        *((route, invoicing.show) for route in invoices.routes(control)),
    ]


class _Front:
    """Names the request, finds out who calls, and turns whatever is refused into OpenAI's error envelope."""

    def __init__(
        self,
        control: Control,
        authenticate: Authenticate,
        router: Router,
        request_ids: RequestIds,
        note_refusal: NoteRefusal | None,
    ) -> None:
        self._control = control
        self._authenticate = authenticate
        self._router = router
        self._request_ids = request_ids
        self._note_refusal = note_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # makes the router raise for a wrong method instead of answering in its own words
        state = scope.setdefault("state", {})
        send = _with_headers(send, state, self._request_ids.next(time.time_ns() // 1000))
        try:
            refusal = await self._identify(state, scope)
            if refusal is None or not self._has_operation(scope):
                await self._router(scope, receive, send)
            else:
                self._note(scope, refusal)
                await _refuse(send, refusal)
        except ClientGone:
            return
        except HTTPException as error:
            await _refuse(send, _wrong_method(scope, (error.headers or {}).get("Allow", "")))
        except KeyhouseError as error:
            self._note(scope, error)
            await _refuse(send, error)

    def _note(self, scope: Scope, error: KeyhouseError) -> None:
        """A refused call of a key that is known is an event of the audit."""
        caller = error.caller if isinstance(error, KnownCallerError) else scope["state"].get("caller")
        if self._note_refusal is not None and caller is not None and error.code.status in {401, 403}:
            self._note_refusal(caller, error, scope["method"], scope["path"])

    async def _identify(self, state: dict[str, Any], scope: Scope) -> KeyhouseError | None:
        """Puts the caller into the state. Returns, instead of raising it, a 403: it is told once the route is known to exist."""
        headers = scope["headers"]
        try:
            caller = await run_in_threadpool(self._authenticate, header(headers, b"authorization"), client_of(scope))
        except KeyhouseError as error:
            if error.code.status != 403:
                raise
            return error
        state["caller"] = caller
        await self._check_named_places(caller, headers)
        return None

    async def _check_named_places(self, caller: Caller, headers: list[tuple[bytes, bytes]]) -> None:
        organization_id = header(headers, b"openai-organization")
        if organization_id is not None and organization_id != caller.organization_id:
            message = f"This key does not belong to organization '{shown(organization_id)}'."
            raise KeyhouseError(ErrorCode.MISMATCHED_ORGANIZATION, message)
        project_id = header(headers, b"openai-project")
        if project_id is not None and not await run_in_threadpool(exists, self._control, caller, project_id):
            message = f"The organization of this key has no project '{shown(project_id)}'."
            raise KeyhouseError(ErrorCode.MISMATCHED_PROJECT, message)

    def _has_operation(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is Match.FULL for route in self._router.routes)


class _Resource:
    """The operations of one path."""

    def __init__(self, control: Control, operations: dict[str, Operation]) -> None:
        self._control = control
        self._operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        operation = self._operations[method]
        _require(operation.verb, scope)
        query = Query(scope["query_string"])
        query.refuse_unknown(operation.query)
        body = await read_body(receive, header(scope["headers"], b"content-length"))
        call = Call(self._control, scope["state"]["caller"], scope["path_params"], query, _decoded(operation, body))
        answer = await run_in_threadpool(operation.handler, call)
        await _send_json(send, 200, msgspec.json.encode(answer), [(b"content-type", b"application/json")])


class _Guard:
    """A route that is closed to whoever may not do what its verb does."""

    def __init__(self, route: Route, verb: Callable[..., object]) -> None:
        self._route = route
        self._verb = verb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _require(self._verb, scope)
        await self._route.app(scope, receive, send)


def _require(verb: Callable[..., object], scope: Scope) -> None:
    """The verb asks too. Asked here, whoever may not is told so before what is wrong with the request."""
    needs = needs_of(verb)
    project_id = scope["path_params"].get("project_id")
    if not needs.met_by(scope["state"]["caller"].authority, project_id):
        raise needs.refusal(project_id)


def _decoded(operation: Operation, body: bytes) -> msgspec.Struct | None:
    if operation.body is None:
        refuse_body(body)
        return None
    return decode_object(body, operation.body, optional=operation.body_optional)


async def _unknown_route(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI's signature
    message = f"There is no operation at {scope['method']} {shown(scope['path'])}."
    raise KeyhouseError(ErrorCode.UNKNOWN_ROUTE, message)


def _wrong_method(scope: Scope, allowed: str) -> KeyhouseError:
    methods = ", ".join(sorted(allowed.replace(" ", "").split(",")))
    message = f"{shown(scope['path'])} does not take {shown(scope['method'])}; it takes {methods}."
    return KeyhouseError(ErrorCode.METHOD_NOT_ALLOWED, message, headers=[("allow", methods)])


async def _refuse(send: Send, error: KeyhouseError) -> None:
    headers = refusal_headers(error)
    if error.code.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.code.status < 500:
        headers.append((b"x-should-retry", b"false"))  # OpenAI's SDKs would repeat a 409
    await _send_json(send, error.code.status, envelope(error), headers)


async def _send_json(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send, state: dict[str, Any], request_id: str) -> Send:
    """A send that adds to every answer's head what all of them carry."""
    began = time.monotonic_ns()

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            took = (time.monotonic_ns() - began) // 1_000_000
            head = [(b"x-request-id", request_id.encode()), (b"openai-processing-ms", str(took).encode())]
            if "caller" in state:
                head.append((b"openai-organization", state["caller"].organization_id.encode()))
            message["headers"] = [*message.get("headers", []), *head, *SECURITY_HEADERS]
        await send(message)

    return send_with_headers
