"""Invoices: what an organization's calls of a month cost, line by line, and what is due.

Amounts are integer nano-dollars, summed and never recomputed from prices; only what is to be paid is rounded, to cents, half up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

from keyhouse.domain.budgets import Interval, Period, period_of
from keyhouse.domain.money import NANOS_PER_DOLLAR, round_half_up

NANOS_PER_CENT = NANOS_PER_DOLLAR // 100
TAX_PARTS = 1_000_000
"""A tax rate is a whole number of millionths: 19 % is 190,000."""
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


class Unit(Enum):
    """What a line counts. A price per request, cache writes and audio input are in the input; audio output in the output."""

    CACHED_INPUT = "cached input tokens"
    INPUT = "input tokens"
    OUTPUT = "output tokens"
    UNPRICED = "unpriced tokens"
    """Input and output of calls whose cost is unknown: they have no amount."""


class LineKey(NamedTuple):
    """What an invoice tells apart. `month` is that of the calls, earlier than the invoice's for usage that came late."""

    month: str
    project_id: str
    model: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """`quantity` tokens of `requests` calls for `amount_nanos` together, None where unpriced. `unit_price_nanos` is per million
    tokens, and None where more than one price made the amount."""

    key: LineKey
    project_name: str
    requests: int
    quantity: int
    amount_nanos: int | None
    unit_price_nanos: int | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """Who sells or buys, as an invoice names them."""

    name: str = ""
    address: tuple[str, ...] = ()
    tax_id: str = ""


@dataclass(frozen=True, slots=True)
class BillingProfile:
    """What an organization's invoices say beside their lines. `tax_parts` is the tax rate in millionths."""

    organization_id: str
    seller: Party = Party()
    buyer: Party = Party()
    tax_name: str = "Tax"
    tax_parts: int = 0
    terms_days: int = 30
    note: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """A month's invoice. A draft has no `sequence` and changes with the ledger; an issued one is kept as it was issued.

    `credit_nanos` is what prepaid credit has paid of the usage.
    """

    id: str
    organization_id: str
    month: str
    created_at: int
    profile: BillingProfile
    lines: tuple[InvoiceLine, ...]
    credit_nanos: int
    sequence: int | None = None

    @property
    def number(self) -> str | None:
        """`KH-2026-0001`: the year of issue, and how many invoices the organization then had."""
        if self.sequence is None:
            return None
        return f"KH-{datetime.fromtimestamp(self.created_at, UTC).year:04d}-{self.sequence:04d}"

    @property
    def subtotal_nanos(self) -> int:
        """The sum of the lines: what the calls cost in the ledger."""
        return total_of(self.lines)

    @property
    def tax_cents(self) -> int:
        """The tax on the whole usage, whoever pays it, rounded once, half up."""
        return round_half_up(self.subtotal_nanos * self.profile.tax_parts, TAX_PARTS * NANOS_PER_CENT)

    @property
    def due_cents(self) -> int:
        """What remains to be paid: usage less credit, rounded half up, and the tax."""
        return round_half_up(self.subtotal_nanos - self.credit_nanos, NANOS_PER_CENT) + self.tax_cents


def total_of(lines: Sequence[InvoiceLine]) -> int:
    """Nano-dollars of these lines together."""
    return sum(line.amount_nanos or 0 for line in lines)


def month_of(at: int) -> str:
    """The month (UTC) of a time in Unix seconds, such as `2026-10`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m")


def bounds_of(month: str) -> Period | None:
    """The month's first second, and that of the next one; None for what is no month from 1970 to 9998."""
    found = _MONTH.fullmatch(month)
    if found is None or not month.isascii() or not 1970 <= int(found[1]) <= 9998:
        return None
    return period_of(Interval.MONTH, int(datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC).timestamp()))
