"""An invoice as JSON, CSV and PDF: the same totals, and nothing that a name could steer."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import pytest
from pypdf import PdfReader

from keyhouse.control import billing_profiles, invoice_objects, invoice_pdf
from keyhouse.domain.audit import EventType
from keyhouse.domain.billing import BillingProfile, Invoice, InvoiceLine, LineKey, Party, Unit
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from tests.control.houses import House
from tests.control.test_invoices import NOVEMBER, OCTOBER, issue, row, used

PROFILE = BillingProfile(
    "org-house", Party("Haus GmbH", ("Hafenstraße 1",), "DE 1"), Party("Acme <b>AG</b>", ("Zürich",)), "VAT", 88_750, 14
)


def line(model: str = "m-small", unit: Unit = Unit.INPUT, nanos: int | None = 1, **facts: str) -> InvoiceLine:
    key = LineKey(facts.get("month", "2026-10"), "proj_1", model, unit)
    return InvoiceLine(key, facts.get("project", "Default"), 3, 1_234_567, nanos, 2_500_000_000)


def invoice(*lines: InvoiceLine, credit_nanos: int = 0) -> Invoice:
    return Invoice("inv_1", "org-house", "2026-10", NOVEMBER, PROFILE, lines, credit_nanos, 7)


def pages(item: Invoice) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(invoice_pdf.render(item))).pages]


@pytest.mark.parametrize(
    ("nanos", "credit", "tax", "due"),
    [
        (10_000_000_000, 0, 89, 1089),  # 88.75 cents of tax
        (4_999_999, 0, 0, 0),
        (5_000_000, 0, 0, 1),
        (10_000_000_000, 10_000_000_000, 89, 89),
        (2**62, 2**61, 40_929_085_379, 271_513_386_300),
    ],
)
def test_tax_and_what_is_due_are_rounded_half_up_to_cents(nanos: int, credit: int, tax: int, due: int) -> None:
    item = invoice(line(nanos=nanos), credit_nanos=credit)
    assert item.tax_cents == int((Decimal(nanos) * 88_750 / 10**13).quantize(Decimal(1), "ROUND_HALF_UP"))
    net = int((Decimal(nanos - credit) / 10**7).quantize(Decimal(1), "ROUND_HALF_UP"))
    assert item.due_cents == net + item.tax_cents
    if nanos < 2**62:
        assert (item.tax_cents, item.due_cents) == (tax, due)


def test_csv_adds_up_to_the_total_exactly_and_runs_no_formula() -> None:
    names = ("=1+1", "+x", "-x", "@x", 'a "quote", and\r\na line', "日本")
    item = invoice(*(line(name, nanos=10**i + 1, project=name) for i, name in enumerate(names)), line(nanos=None))
    rows = list(csv.DictReader(io.StringIO(invoice_objects.as_csv(item), newline="")))
    assert sum(Decimal(r["amount_usd"] or 0) * 10**9 for r in rows) == item.subtotal_nanos
    assert [r["model"] for r in rows[:4]] == ["'=1+1", "'+x", "'-x", "'@x"]
    assert [r["model"] for r in rows[4:6]] == list(names[4:])
    assert (rows[-1]["amount_usd"], rows[-1]["quantity"]) == ("", "1234567")
    assert invoice_objects.as_csv(item).count("\r\n") == len(rows) + 3


def test_the_pdf_states_parties_lines_and_totals() -> None:
    late = line(nanos=None, unit=Unit.UNPRICED, month="2026-09")
    text = " ".join(" ".join(pages(invoice(line(nanos=12_345_678_901), late, credit_nanos=10**9))).split())
    for said in (
        "Invoice KH-2026-0007", "1 October 2026 – 31 October 2026 (UTC)", "15 November 2026", "Haus GmbH", "Hafenstraße 1",
        "Acme <b>AG</b>", "1,234,567", "12.345678901", "−$1.00", "$11.35", "VAT 8.875 %", "$1.10", "$12.45 USD", "unpriced",
        "late usage of 2026-09", "Page 1 of 1",
    ):  # fmt: skip
        assert said in text


def test_a_long_invoice_has_its_heads_on_every_page() -> None:
    found = pages(invoice(*(line(f"m-{n}", nanos=n) for n in range(120))))
    assert len(found) > 2
    for number, text in enumerate(found, 1):
        assert f"Page {number} of {len(found)}" in text
    assert all("Amount (USD)" in text for text in found[:-1])


def test_the_same_invoice_is_the_same_file() -> None:
    assert invoice_pdf.render(invoice(line())) == invoice_pdf.render(invoice(line()))


def test_a_name_that_no_font_has_is_replaced_visibly() -> None:
    assert "?" in pages(invoice(line(project="日本")))[0]


@pytest.mark.parametrize("name", ["x" * 256, "<para>&amp;</font>", "\u202eabc", "wort " * 50])
def test_no_name_breaks_the_pdf(name: str) -> None:
    item = replace(invoice(line(name, project=name)), profile=replace(PROFILE, buyer=Party(name, (name,) * 8, name)))
    assert "Page 1 of" in pages(item)[0]


# --- the profile -----------------------------------------------------------------------------------------------------


def test_a_profile_is_changed_by_field_and_is_on_the_next_invoice_only(house: House) -> None:
    set_ = {
        "legal_name": "Acme",
        "address": ["1 Road", "Town"],
        "tax_rate": "8.875",
        "tax_name": "VAT",
        "seller_name": "Haus",
    }
    billing_profiles.update(house.control, house.caller, set_)
    billing_profiles.update(house.control, house.caller, {"note": "Thanks", "address": ["2 Road"]})
    used(house, row(house, OCTOBER, cost_nanos=10**9))
    house.clock.now = NOVEMBER
    issued = issue(house, "2026-10")
    assert issued.profile.buyer == Party("Acme", ("2 Road",))
    assert (issued.profile.seller.name, issued.profile.tax_parts, issued.tax_cents) == ("Haus", 88_750, 9)
    billing_profiles.update(house.control, house.caller, {"legal_name": "Other", "tax_rate": None})
    assert issue(house, "2026-10") == issued
    events = [e for e in house.events() if e.type is EventType.BILLING_PROFILE_UPDATED]
    assert {"changes_requested": {"address": ["2 Road"], "note": "Thanks"}} in [e.details for e in events]


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("tax_rate", "19.00001"), ("tax_rate", "101"), ("tax_rate", "-1"), ("tax_rate", 19), ("tax_rate", "nan"),
        ("terms_days", -1), ("terms_days", True), ("address", "one"), ("address", ["x"] * 9), ("legal_name", "a\x00"),
        ("address[0]", [5]), ("note", 3),
    ],
)  # fmt: skip
def test_a_profile_that_means_nothing_is_refused_by_name(house: House, param: str, value: object) -> None:
    with pytest.raises(KeyhouseError) as refusal:
        billing_profiles.update(house.control, house.caller, {param.partition("[")[0]: value})
    assert (refusal.value.code, refusal.value.param) == (ErrorCode.INVALID_VALUE, param)


def test_the_library_that_writes_pdfs_is_imported_when_one_is_written() -> None:
    code = "import sys, keyhouse.api.administration, keyhouse.cli.invoices; sys.exit('reportlab' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
