"""`/v1/organization/invoices` and `/v1/organization/billing_profile`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyhouse.api.operation import Call, Operation
from keyhouse.control import billing_profiles, invoice_objects, invoice_pdf, invoices
from keyhouse.control.context import Caller, Control
from keyhouse.domain.billing import Invoice
from keyhouse.wire.paging import BOTH_WAYS, MAX_LIMIT, both_ways_parameters, list_envelope
from keyhouse.wire.query import Query

_PATH = "/v1/organization/invoices"
_PROFILE = "/v1/organization/billing_profile"


class _IssueBody(msgspec.Struct, forbid_unknown_fields=True):
    month: Any = UNSET


class _ProfileBody(msgspec.Struct, forbid_unknown_fields=True):
    legal_name: Any = UNSET
    address: Any = UNSET
    tax_id: Any = UNSET
    seller_name: Any = UNSET
    seller_address: Any = UNSET
    seller_tax_id: Any = UNSET
    tax_name: Any = UNSET
    tax_rate: Any = UNSET
    terms_days: Any = UNSET
    note: Any = UNSET


def list_(call: Call) -> object:
    """A hundred a page unless told otherwise: there are twelve a year."""
    cut = both_ways_parameters(call.query, default=MAX_LIMIT)
    page = invoices.list_page(call.control, call.caller, **cut)
    return list_envelope([invoice_objects.invoice(item) for item in page.items], has_more=page.has_more)


def issue(call: Call) -> object:
    return invoice_objects.invoice(invoices.issue(call.control, call.caller, call.body.month))


def get(call: Call) -> object:
    return invoice_objects.invoice(invoices.show(call.control, call.caller, call.path["invoice"]))


def get_profile(call: Call) -> object:
    return invoice_objects.profile(billing_profiles.show(call.control, call.caller))


def update_profile(call: Call) -> object:
    given = msgspec.structs.asdict(call.body)
    return invoice_objects.profile(billing_profiles.update(call.control, call.caller, given))


OPERATIONS = (
    Operation("GET", _PATH, list_, invoices.list_page, query=BOTH_WAYS),
    Operation("POST", _PATH, issue, invoices.issue, body=_IssueBody),
    Operation("GET", _PATH + "/{invoice}", get, invoices.show),
    Operation("GET", _PROFILE, get_profile, billing_profiles.show),
    Operation("POST", _PROFILE, update_profile, billing_profiles.update, body=_ProfileBody),
)


def routes(control: Control) -> list[Route]:
    """`GET …/{invoice}/csv` and `…/pdf`, behind the authentication of admin keys as `api.usage.routes` are."""

    def as_csv(request: Request) -> Response:
        name, found = _asked(control, request)
        return _file(invoice_objects.as_csv(found).encode(), "text/csv; charset=utf-8", f"{name}.csv")

    def as_pdf(request: Request) -> Response:
        name, found = _asked(control, request)
        return _file(invoice_pdf.render(found), "application/pdf", f"{name}.pdf")

    return [
        Route(_PATH + "/{invoice}/csv", as_csv, methods=["GET"]),
        Route(_PATH + "/{invoice}/pdf", as_pdf, methods=["GET"]),
    ]


def _asked(control: Control, request: Request) -> tuple[str, Invoice]:
    Query(request.scope["query_string"]).refuse_unknown(())
    caller: Caller = request.state.caller
    found = invoices.show(control, caller, request.path_params["invoice"])
    return found.number or f"draft-{found.month}", found


def _file(body: bytes, media_type: str, name: str) -> Response:
    return Response(body, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'})
