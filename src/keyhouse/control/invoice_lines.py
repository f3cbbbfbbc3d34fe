"""Invoices, made from what calls cost: sums of the ledger's rows, by day and month (UTC) of their admission.

1. What is on issued invoices already is never on another one: a line is what the ledger says less what was invoiced. So all
   invoices of an organization together are its ledger, to the nano-dollar, and a row that came late is on the next invoice.
2. Credit is shared out the same way: what grants have paid until the month's end, less what issued invoices say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from keyhouse.domain.billing import BillingProfile, Invoice, InvoiceLine, LineKey, Unit, bounds_of, month_of
from keyhouse.domain.budgets import Period
from keyhouse.domain.credit import CreditGrant, payments
from keyhouse.domain.errors import invalid, shown
from keyhouse.domain.money import PER_MILLION, Price
from keyhouse.domain.usage import Pricing
from keyhouse.ledger.reports import PriceBook
from keyhouse.store.contract import RollupFilter, RollupKey, RollupSums, Transaction, Width


class Counted(NamedTuple):
    """What a line adds up: calls, tokens and nano-dollars."""

    requests: int = 0
    quantity: int = 0
    nanos: int = 0

    def plus(self, other: Counted, sign: int = 1) -> Counted:
        return Counted(*(mine + sign * its for mine, its in zip(self, other, strict=True)))


class Books(NamedTuple):
    """All that an organization's invoices are made from, at one moment, up to the end of a month."""

    usage: Mapping[LineKey, Counted]
    daily: Mapping[int, int]
    issued: Sequence[Invoice]
    grants: Sequence[CreditGrant]
    prices: Sequence[Price]
    profile: BillingProfile
    project_names: Mapping[str, str]


def read(tx: Transaction, organization_id: str, end: int) -> Books:
    """The books up to `end` (Unix seconds, a midnight)."""
    sums = tx.rollups.sum(Width.DAY, RollupFilter(organization_id, 0, end), ("project_id", "model", "pricing"))
    usage: dict[LineKey, Counted] = {}
    daily: dict[int, int] = {}
    for key, found in sums:
        for unit, counted in _parts(key, found):
            line = LineKey(month_of(key.bucket), key.project_id, key.model, unit)
            usage[line] = usage.get(line, Counted()).plus(counted)
            daily[key.bucket] = daily.get(key.bucket, 0) + counted.nanos
    projects = {key.project_id: tx.projects.get(organization_id, key.project_id) for key, _ in sums}
    return Books(
        usage,
        daily,
        tx.invoices.list(organization_id),
        tx.credit_grants.list(organization_id),
        tx.prices.versions(),
        _profile(tx, organization_id),
        {project_id: project.name for project_id, project in projects.items() if project is not None},
    )


def daily_costs(tx: Transaction, organization_id: str, end: int) -> dict[int, int]:
    """What every day cost, in nano-dollars, by its midnight."""
    sums = tx.rollups.sum(Width.DAY, RollupFilter(organization_id, 0, end), ())
    return {key.bucket: s.cost_input_nanos + s.cost_cached_nanos + s.cost_output_nanos for key, s in sums}


def require_month(month: object, param: str = "month") -> Period:
    """The month's bounds. Raises `invalid_value`."""
    bounds = bounds_of(month) if isinstance(month, str) else None
    if bounds is None:
        said = f", not '{shown(month)}'" if isinstance(month, str) else ""
        raise invalid(param, f"'{param}' must be a month such as 2026-10{said}.")
    return bounds


def drafted(books: Books, organization_id: str, month: str, now: int) -> Invoice:
    """The month's invoice as the books have it. What came late for months that are invoiced already is on the one that is
    issued next, and on no other."""
    waiting = waiting_months(books, month)
    last = last_month(books)
    rest = {key: counted for key, counted in _not_invoiced(books) if key.month == month or key.month <= last}
    if waiting:
        rest = {key: counted for key, counted in rest.items() if key.month == month}
    book = PriceBook(books.prices)
    # The month's own usage first, then what came late.
    order = sorted(rest, key=lambda k: (k.month != month, k.month, *k[1:3], k.unit is Unit.OUTPUT, k.unit.value))
    lines = tuple(_line(books, book, key, rest[key]) for key in order)
    credit = _credit(books, month, alone=bool(waiting))
    return Invoice("", organization_id, month, now, books.profile, lines, credit)


def waiting_months(books: Books, month: str) -> list[str]:
    """The months before this one whose usage is on no invoice, and which are not late either."""
    last = last_month(books)
    return sorted({key.month for key, _ in _not_invoiced(books) if last < key.month < month})


def last_month(books: Books) -> str:
    """The last month that has been invoiced, '' if none has."""
    return max((invoice.month for invoice in books.issued), default="")


def _parts(key: RollupKey, sums: RollupSums) -> Iterator[tuple[Unit, Counted]]:
    if key.pricing == Pricing.UNPRICED.value:
        yield Unit.UNPRICED, Counted(sums.requests, sums.input_tokens + sums.output_tokens)
        return
    uncached = sums.input_tokens - sums.cached_tokens
    yield Unit.INPUT, Counted(sums.requests, uncached, sums.cost_input_nanos)
    yield Unit.CACHED_INPUT, Counted(sums.requests, sums.cached_tokens, sums.cost_cached_nanos)
    yield Unit.OUTPUT, Counted(sums.requests, sums.output_tokens, sums.cost_output_nanos)


def _not_invoiced(books: Books) -> Iterator[tuple[LineKey, Counted]]:
    """What is on no invoice yet; lines that count nothing are left out."""
    invoiced: dict[LineKey, Counted] = {}
    for invoice in books.issued:
        for line in invoice.lines:
            counted = Counted(line.requests, line.quantity, line.amount_nanos or 0)
            invoiced[line.key] = invoiced.get(line.key, Counted()).plus(counted)
    for key, total in books.usage.items():
        rest = total.plus(invoiced.get(key, Counted()), -1)
        if rest.quantity or rest.nanos or (key.unit is Unit.UNPRICED and rest.requests):
            yield key, rest


def _line(books: Books, book: PriceBook, key: LineKey, counted: Counted) -> InvoiceLine:
    name = books.project_names.get(key.project_id, key.project_id)
    if key.unit is Unit.UNPRICED:
        return InvoiceLine(key, name, counted.requests, counted.quantity, None)
    price = _unit_price(books, book, key, counted)
    return InvoiceLine(key, name, counted.requests, counted.quantity, counted.nanos, price)


def _unit_price(books: Books, book: PriceBook, key: LineKey, counted: Counted) -> int | None:
    """The price in force through the whole month, if it was one and it is what the amount was made with; else None."""
    start, end = require_month(key.month)
    times = {start, *(price.effective_at for price in books.prices if start < price.effective_at < end)}
    in_force = [price for price in (book.price_at(key.model, at) for at in times) if price is not None]
    rates = {_rate(price, key.unit) for price in in_force}
    rate = rates.pop() if len(rates) == 1 and not any(price.tiers for price in in_force) else None
    if rate is None:
        return None
    # Every call was rounded to a nano-dollar, its parts by up to one more; anything beyond that has another reason.
    off = abs(counted.nanos * PER_MILLION - counted.quantity * rate)
    return rate if off <= 2 * PER_MILLION * max(counted.requests, 1) else None


def _rate(price: Price, unit: Unit) -> int | None:
    if unit is Unit.OUTPUT:
        return price.rates.output
    cached = unit is Unit.CACHED_INPUT and price.rates.cached_input is not None
    return price.rates.cached_input if cached else price.rates.input


def _credit(books: Books, month: str, *, alone: bool) -> int:
    """What grants paid of the invoice: of its month alone, or of everything up to its end that no invoice has yet."""
    start, end = require_month(month)
    made = payments(books.grants, {day: cost for day, cost in books.daily.items() if day < end})
    if alone:
        return sum(payment.nanos for payment in made if payment.day >= start)
    return sum(payment.nanos for payment in made) - sum(invoice.credit_nanos for invoice in books.issued)


def _profile(tx: Transaction, organization_id: str) -> BillingProfile:
    found = tx.billing_profiles.get(organization_id) or BillingProfile(organization_id)
    if found.buyer.name:
        return found
    organization = tx.organizations.get(organization_id)
    name = "" if organization is None else organization.name
    return replace(found, buyer=replace(found.buyer, name=name))
