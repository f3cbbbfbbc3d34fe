"""Invoices, credit, and the billing profile."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import BothWaysQuery, Dollars, Group, ListOf, Nanos, Shape, Time

Month = Annotated[str, Meta(examples=["2026-10"], description="A month, in UTC")]
Rate = Annotated[str, Meta(description="Percent, an exact decimal text", examples=["8.875"])]


class BillingProfile(Struct):
    object: Literal["billing_profile"]
    legal_name: str
    address: list[str]
    tax_id: str
    seller_name: str
    seller_address: list[str]
    seller_tax_id: str
    tax_name: str
    tax_rate: Rate
    terms_days: int
    note: str


class BillingProfileChange(Struct, forbid_unknown_fields=True):
    legal_name: str | UnsetType | None = UNSET
    address: list[str] | UnsetType | None = UNSET
    tax_id: str | UnsetType | None = UNSET
    seller_name: str | UnsetType | None = UNSET
    seller_address: list[str] | UnsetType | None = UNSET
    seller_tax_id: str | UnsetType | None = UNSET
    tax_name: str | UnsetType | None = UNSET
    tax_rate: Rate | UnsetType | None = UNSET
    terms_days: Annotated[int, Meta(ge=0)] | UnsetType | None = UNSET
    note: str | UnsetType | None = UNSET


class InvoiceLine(Struct):
    description: str | None
    usage_month: Month
    project_id: str
    project_name: str
    model: str
    unit: Literal["cached input tokens", "input tokens", "output tokens", "unpriced tokens"]
    requests: int
    quantity: int
    unit_price_nanos: Nanos | None
    amount_nanos: Nanos | None
    amount: Dollars | None


class Invoice(Struct):
    object: Literal["invoice"]
    id: str | None
    number: str | None
    status: Literal["draft", "issued"]
    month: Month
    start_time: Time | None
    end_time: Time | None
    issued_at: Time | None
    due_at: Time | None
    currency: Literal["usd"]
    billing_profile: BillingProfile
    lines: list[InvoiceLine]
    subtotal_nanos: Nanos
    subtotal: Dollars
    credit_nanos: Nanos
    tax_cents: int
    due_cents: int
    unpriced_requests: int


class InvoicesQuery(BothWaysQuery):
    limit: Annotated[int, Meta(ge=0, le=100, description="100 unless told")] | UnsetType = UNSET


class InvoiceWanted(Struct, forbid_unknown_fields=True):
    month: Month


class CreditGrant(Struct):
    object: Literal["credit_grant"]
    id: str
    amount: Dollars
    amount_nanos: Nanos
    created_at: Time
    expires_at: Time | None
    note: str


class GrantStanding(CreditGrant):
    paid_nanos: Nanos
    left_nanos: Nanos
    expired_nanos: Nanos


class CreditBalance(Struct):
    object: Literal["credit_balance"]
    available: Dollars
    available_nanos: Nanos
    paid_nanos: Nanos
    expired_nanos: Nanos
    grants: list[GrantStanding]


class GrantWanted(Struct, forbid_unknown_fields=True):
    """`expires_at`: a midnight (UTC) in the future, in Unix seconds or as a date."""

    amount: Dollars
    expires_at: int | str | UnsetType | None = UNSET
    note: str | UnsetType | None = UNSET


_INVOICES = "/v1/organization/invoices"
_PROFILE = "/v1/organization/billing_profile"

GROUP = Group(
    "Invoices and credit",
    {
        f"GET {_INVOICES}": Shape("List issued invoices", ListOf[Invoice], query=InvoicesQuery),
        f"POST {_INVOICES}": Shape("Issue a month's invoice", Invoice, body=InvoiceWanted),
        f"GET {_INVOICES}/{{invoice}}": Shape("Show an invoice, or a month's draft", Invoice),
        f"GET {_INVOICES}/{{invoice}}/csv": Shape("An invoice as CSV", bytes, media_type="text/csv"),
        f"GET {_INVOICES}/{{invoice}}/pdf": Shape("An invoice as PDF", bytes, media_type="application/pdf"),
        f"GET {_PROFILE}": Shape("Show the billing profile", BillingProfile),
        f"POST {_PROFILE}": Shape("Change the billing profile", BillingProfile, body=BillingProfileChange),
        "POST /v1/organization/credit_grants": Shape("Grant credit", CreditGrant, body=GrantWanted),
        "GET /v1/organization/credit_balance": Shape("Show what is left of the credit", CreditBalance),
    },
)
