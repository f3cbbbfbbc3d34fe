"""`/invite/{token}`: what an invitation's link leads to. A page of HTML with a form and no script; the same as JSON for programs.

The token in the path is all that whoever comes here has to show: it stands in no log, and no page says it to another host.
"""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import UNSET
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope

from keyhouse.api.pages import HEAD_LINKS
from keyhouse.control import invites
from keyhouse.control.context import Control
from keyhouse.control.invites import Joining
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.people import Person
from keyhouse.wire.errors import envelope
from keyhouse.wire.headers import SECURITY_HEADERS, client_of, header
from keyhouse.wire.json_body import decode_object, read_body

PREFIX = "/invite/"
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_FORM = "application/x-www-form-urlencoded"


class _Joins(msgspec.Struct, forbid_unknown_fields=True):
    name: Any = UNSET
    password: Any = UNSET


async def respond(control: Control, scope: Scope, receive: Receive) -> Response:
    """Shows the form (GET), or takes the place (POST): a form's fields or a JSON object with `name` and `password`."""
    token, method = scope["path"].removeprefix(PREFIX), scope["method"]
    kind = (header(scope["headers"], b"content-type") or "").partition(";")[0].strip().lower()
    is_form = kind == _FORM or method in {"GET", "HEAD"}
    try:
        if method in {"GET", "HEAD"}:
            return _page(200, _form(await run_in_threadpool(invites.opened, control, token)))
        if method != "POST":
            message = "An invitation is read with GET and accepted with POST."
            raise KeyhouseError(ErrorCode.METHOD_NOT_ALLOWED, message, headers=[("allow", "GET, HEAD, POST")])
        body = await read_body(receive, header(scope["headers"], b"content-length"))
        joins = _of_form(body) if is_form else decode_object(body, _Joins, optional=True)
        person = await run_in_threadpool(invites.accept, control, token, joins.name, joins.password, client_of(scope))
    except KeyhouseError as error:
        if not is_form:
            return _answer(error.code.status, envelope(error), "application/json", error)
        return _page(error.code.status, f"<h1>This did not work</h1><p role='alert'>{escape(error.message)}</p>", error)
    if is_form:
        return _page(200, f"<h1>Welcome, {escape(person.name)}</h1><p>You are in. You can close this page.</p>")
    return _answer(200, msgspec.json.encode(_joined(person)), "application/json")


def _joined(person: Person) -> dict[str, object]:
    return {"object": "invite.accepted", "user_id": person.id, "email": person.email, "name": person.name}


def _of_form(body: bytes) -> _Joins:
    given = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
    return _Joins(**{name: given[name][0] for name in ("name", "password") if name in given})


def _form(joining: Joining) -> str:
    place = escape(joining.organization)
    said = f"<h1>Join {place}</h1><p>{escape(joining.invite.email)} is invited to {place} as {joining.invite.role.value}.</p>"
    if joining.is_known:
        return f"{said}<form method='post'><p>You keep the name and the password that you have.</p>{_BUTTON}</form>"
    return (
        f"{said}<form method='post'>"
        "<p><label>Your name<br><input name='name' required maxlength='256' autocomplete='name'></label></p>"
        "<p><label>A password, 10 characters or more<br>"
        "<input name='password' type='password' required minlength='10' maxlength='1024' autocomplete='new-password'>"
        f"</label></p>{_BUTTON}</form>"
    )


_BUTTON = "<p><button>Join</button></p>"


def _page(status: int, inner: str, error: KeyhouseError | None = None) -> Response:
    page = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Keyhouse invitation</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"{HEAD_LINKS}</head><body class='alone'><main>{inner}</main></body></html>"
    )
    return _answer(status, page.encode(), "text/html; charset=utf-8", error)


def _answer(status: int, body: bytes, kind: str, error: KeyhouseError | None = None) -> Response:
    headers = {name.decode(): value.decode() for name, value in SECURITY_HEADERS}
    headers |= {"content-security-policy": _POLICY, "content-type": kind}
    headers |= dict(error.headers) if error is not None else {}
    return Response(body, status, headers)
