"""The ASGI application behind the data plane's short way: the administration API, its documentation, the metrics, where
invitations lead, and a 404 for all else."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from keyhouse.api import invite_page
from keyhouse.api.administration import build
from keyhouse.app.fault_border import FaultBorder
from keyhouse.app.gateway import Gateway
from keyhouse.control.authority import require
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError, shown
from keyhouse.wire.errors import envelope
from keyhouse.wire.headers import SECURITY_HEADERS, client_of, header
from keyhouse.wire.json_body import ClientGone

_ADMINISTRATION = ("/v1/organization", "/v1/projects/")
_DOCUMENTATION = {
    "/docs": "text/html",
    "/docs/icon.svg": "image/svg+xml",
    "/docs/style.css": "text/css",
    "/openapi.json": "application/json",
}
_PAGE_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def application(gateway: Gateway) -> ASGIApp:
    """For requests that `Lobby.is_direct` does not claim."""
    administration = build(gateway.control, gateway.authenticate_admin, note_refusal=gateway.note_refusal)
    registry = CollectorRegistry()
    registry.register(gateway.counters)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"].startswith(_ADMINISTRATION):
            await administration(scope, receive, send)
            return
        try:
            if scope["path"].startswith(invite_page.PREFIX):
                response = await invite_page.respond(gateway.control, scope, receive)
            else:
                response = await _other(gateway, registry, scope)
        except ClientGone:
            return
        except KeyhouseError as error:
            response = _json(error.code.status, envelope(error))
        await response(scope, receive, send)

    return FaultBorder(app)


async def _other(gateway: Gateway, registry: CollectorRegistry, scope: Scope) -> Response:
    if scope["path"] in _DOCUMENTATION:
        return await _documentation(scope)
    if scope["path"] != "/metrics":
        message = f"Unknown request URL: {shown(scope['method'])} {shown(scope['path'])}. Nothing is served there."
        raise KeyhouseError(ErrorCode.UNKNOWN_ROUTE, message)
    authorization = header(scope["headers"], b"authorization")
    caller = await run_in_threadpool(gateway.authenticate_admin, authorization, client_of(scope))
    require(caller, Permission.USAGE_READ, None)
    if not caller.authority.of_house:
        message = "The metrics are the whole house's: they are for admin keys of the organization that runs it."
        raise KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, message)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _documentation(scope: Scope) -> Response:
    if scope["method"] not in {"GET", "HEAD"}:
        message = f"{scope['path']} is read with GET."
        raise KeyhouseError(ErrorCode.METHOD_NOT_ALLOWED, message, headers=[("allow", "GET, HEAD")])
    body = await run_in_threadpool(_read_documentation, scope["path"])
    headers = {name.decode(): value.decode() for name, value in SECURITY_HEADERS}
    headers |= {"cache-control": "no-cache", "content-security-policy": _PAGE_POLICY}
    return Response(body, headers=headers, media_type=_DOCUMENTATION[scope["path"]])


def _read_documentation(path: str) -> bytes:
    # Imported when somebody reads it: a gateway that nobody asks pays neither time nor memory for it.
    from keyhouse.api import docs_page, document

    makers = {
        "/openapi.json": document.encoded,
        "/docs": docs_page.page,
        "/docs/icon.svg": docs_page.icon,
        "/docs/style.css": docs_page.style,
    }
    return makers[path]()


def _json(status: int, body: bytes) -> Response:
    headers = {name.decode(): value.decode() for name, value in SECURITY_HEADERS}
    return Response(body, status, headers, media_type="application/json")
