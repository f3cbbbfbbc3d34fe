"""Invoices and credit over HTTP."""

from __future__ import annotations

from tests.api.served import Served
from tests.control.test_invoices import NOVEMBER, OCTOBER, row, used


def test_a_month_is_drafted_issued_and_downloaded(api: Served) -> None:
    used(api.house, row(api.house, OCTOBER, costs=(5, 6, 2**61)))
    api.house.clock.now = NOVEMBER - 1
    draft = api.get("/organization/invoices/2026-10")
    assert (draft["status"], draft["number"], draft["subtotal_nanos"]) == ("draft", None, 2**61 + 11)
    assert api.call("POST", "/organization/invoices", {"month": "2026-10"}).status_code == 409
    api.house.clock.now = NOVEMBER
    issued = api.post("/organization/invoices", {"month": "2026-10"})
    assert (issued["number"], issued["lines"], issued["due_at"]) == (
        "KH-2026-0001",
        draft["lines"],
        NOVEMBER + 30 * 86_400,
    )
    assert api.get("/organization/invoices")["data"] == [issued]
    assert api.get("/organization/invoices/KH-2026-0001") == issued
    as_csv = api.call("GET", f"/organization/invoices/{issued['id']}/csv")
    assert (as_csv.status_code, as_csv.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert "KH-2026-0001.csv" in as_csv.headers["content-disposition"]
    as_pdf = api.call("GET", "/organization/invoices/2026-10/pdf")
    assert as_pdf.content.startswith(b"%PDF-")


def test_what_is_not_there_or_not_meant_is_refused(api: Served) -> None:
    for method, path, body, status in (
        ("GET", "/organization/invoices/inv_x", None, 404),
        ("GET", "/organization/invoices/inv_x/pdf", None, 404),
        ("GET", "/organization/invoices/2026-10/csv?a=b", None, 400),
        ("GET", "/organization/invoices/9999-01", None, 404),
        ("POST", "/organization/invoices", {}, 400),
        ("POST", "/organization/billing_profile", {"colour": "red"}, 400),
        ("POST", "/organization/credit_grants", {"amount": 1}, 400),
    ):
        assert api.call(method, path, body).status_code == status, path
    assert api.call("GET", "/organization/invoices", key="").status_code == 401
    assert api.call("GET", "/organization/invoices/2026-10/pdf", key=api.house.facts.api_key).status_code == 403


def test_the_profile_and_credit(api: Served) -> None:
    assert api.get("/organization/billing_profile")["tax_rate"] == "0"
    assert api.post("/organization/billing_profile", {"tax_rate": "7.7", "address": ["Köln"]})["tax_rate"] == "7.7"
    assert api.get("/organization/billing_profile")["address"] == ["Köln"]
    made = api.post("/organization/credit_grants", {"amount": "12.5", "note": "trial"})
    balance = api.get("/organization/credit_balance")
    assert (balance["available"], balance["grants"][0]["id"]) == ("12.5", made["id"])
