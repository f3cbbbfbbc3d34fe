"""Invoices, profiles and credit in the forms that every face shows: JSON-able values, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from keyhouse.control.billing_profiles import rate_text
from keyhouse.control.credit import Balance
from keyhouse.control.usage import dollars
from keyhouse.domain.billing import BillingProfile, Invoice, InvoiceLine, Unit, bounds_of
from keyhouse.domain.credit import CreditGrant, Standing

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
CSV_HEADS = (
    "invoice", "month", "usage_month", "project_id", "project", "model", "unit", "requests", "quantity", "unit_price_usd",
    "amount_usd", "currency",
)  # fmt: skip


def invoice(item: Invoice) -> dict[str, object]:
    """`invoice`, an object of ours. `…_nanos` are integers of nano-dollars; what is to be paid is in whole cents."""
    bounds = bounds_of(item.month)
    return {
        "object": "invoice",
        "id": item.id or None,
        "number": item.number,
        "status": "draft" if item.sequence is None else "issued",
        "month": item.month,
        "start_time": None if bounds is None else bounds.start,
        "end_time": None if bounds is None else bounds.end,
        "issued_at": None if item.sequence is None else item.created_at,
        "due_at": None if item.sequence is None else item.created_at + item.profile.terms_days * 86_400,
        "currency": "usd",
        "billing_profile": profile(item.profile),
        "lines": [_line(line, item.month) for line in item.lines],
        "subtotal_nanos": item.subtotal_nanos,
        "subtotal": dollars(item.subtotal_nanos),
        "credit_nanos": item.credit_nanos,
        "tax_cents": item.tax_cents,
        "due_cents": item.due_cents,
        "unpriced_requests": sum(line.requests for line in item.lines if line.key.unit is Unit.UNPRICED),
    }


def profile(item: BillingProfile) -> dict[str, object]:
    """`billing_profile`: the tax rate in percent as an exact decimal text."""
    return {
        "object": "billing_profile",
        "legal_name": item.buyer.name,
        "address": item.buyer.address,
        "tax_id": item.buyer.tax_id,
        "seller_name": item.seller.name,
        "seller_address": item.seller.address,
        "seller_tax_id": item.seller.tax_id,
        "tax_name": item.tax_name,
        "tax_rate": rate_text(item.tax_parts),
        "terms_days": item.terms_days,
        "note": item.note,
    }


def grant(item: CreditGrant) -> dict[str, object]:
    """`credit_grant`."""
    return {
        "object": "credit_grant",
        "id": item.id,
        "amount": dollars(item.amount_nanos),
        "amount_nanos": item.amount_nanos,
        "created_at": item.created_at,
        "expires_at": item.expires_at,
        "note": item.note,
    }


def balance(item: Balance) -> dict[str, object]:
    """`credit_balance`: every grant with what it paid, may still pay, and lost when it expired."""
    return {
        "object": "credit_balance",
        "available": dollars(item.available_nanos),
        "available_nanos": item.available_nanos,
        "paid_nanos": item.paid_nanos,
        "expired_nanos": item.expired_nanos,
        "grants": [_standing(standing) for standing in item.grants],
    }


def as_csv(item: Invoice) -> str:
    """One row for each line (RFC 4180, UTF-8), amounts as exact decimals of US dollars; unpriced ones are empty."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_HEADS)
    for line in item.lines:
        writer.writerow([_safe(cell) for cell in _cells(item, line)])
    return out.getvalue()


def _cells(item: Invoice, line: InvoiceLine) -> Iterator[str]:
    key = line.key
    yield from (item.number or "draft", item.month, key.month, key.project_id, line.project_name, key.model)
    yield from (key.unit.value, str(line.requests), str(line.quantity))
    yield from ("" if n is None else dollars(n) for n in (line.unit_price_nanos, line.amount_nanos))
    yield "USD"


def _safe(cell: str) -> str:
    """A spreadsheet would run a name that begins like a formula."""
    return "'" + cell if cell.startswith(_FORMULA) and not cell[1:].isdecimal() else cell


def _line(line: InvoiceLine, month: str) -> dict[str, object]:
    return {
        "description": f"late usage of {line.key.month}" if line.key.month != month else None,
        "usage_month": line.key.month,
        "project_id": line.key.project_id,
        "project_name": line.project_name,
        "model": line.key.model,
        "unit": line.key.unit.value,
        "requests": line.requests,
        "quantity": line.quantity,
        "unit_price_nanos": line.unit_price_nanos,
        "amount_nanos": line.amount_nanos,
        "amount": None if line.amount_nanos is None else dollars(line.amount_nanos),
    }


def _standing(item: Standing) -> dict[str, object]:
    paid = {"paid_nanos": item.paid_nanos, "left_nanos": item.left_nanos, "expired_nanos": item.expired_nanos}
    return {**grant(item.grant), **paid}
