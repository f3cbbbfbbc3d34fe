"""Invoices: a month as a draft that follows the ledger, and issued: frozen, numbered, and never changed again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keyhouse.control import invoice_lines
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.billing import Invoice, bounds_of
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, not_found
from keyhouse.ledger import reports
from keyhouse.store.contract import Listed, Page


@needs(Permission.BILLING_READ)
def list_issued(control: Control, caller: Caller) -> Sequence[Invoice]:
    """Every issued invoice of the organization, in the order of their numbers."""
    return _issued(control, caller)


@needs(Permission.BILLING_READ)
def list_page(
    control: Control,
    caller: Caller,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 100,
    newest_first: bool = False,
) -> Listed[Invoice]:
    """Issued invoices in the order of their numbers, or the last one first."""
    with control.store.read() as tx:
        return tx.invoices.page(caller.organization_id, Page(after, limit, newest_first, before))


@needs(Permission.BILLING_READ)
def show(control: Control, caller: Caller, which: str) -> Invoice:
    """An issued invoice by its id, number or month, or a month that is not issued as a draft. Raises `not_found`, or
    `invalid_value` for a month that has not begun."""
    issued = _issued(control, caller)
    for invoice in issued:
        if which in {invoice.id, invoice.number, invoice.month}:
            return invoice
    if bounds_of(which) is None:
        raise not_found("invoice", which)
    return _draft(control, caller, which, issued)[0]


@needs(Permission.BILLING_WRITE)
def issue(control: Control, caller: Caller, month: object) -> Invoice:
    """Issues the invoice of a month that is over; issued before, it is returned as it is.

    Raises `conflict` while the month runs, before an earlier month with usage is issued, and where there is nothing to invoice.
    """
    now = control.clock()
    _, end = invoice_lines.require_month(month)
    month = str(month)
    while True:
        issued = _issued(control, caller)
        if found := next((invoice for invoice in issued if invoice.month == month), None):
            return found
        if now < end:
            raise KeyhouseError(ErrorCode.CONFLICT, f"{month} is not over (UTC); until then its invoice is a draft.")
        draft, waiting = _draft(control, caller, month, issued)
        _refuse_unready(draft, waiting)
        invoice = replace(draft, id=ids.new_id(ids.INVOICE), sequence=len(issued) + 1)
        if _add(control, caller, invoice):
            return invoice


def _issued(control: Control, caller: Caller) -> Sequence[Invoice]:
    with control.store.read() as tx:
        return tx.invoices.list(caller.organization_id)


def _add(control: Control, caller: Caller, invoice: Invoice) -> bool:
    """Adds it, unless another one was issued since it was made."""
    details: dict[str, object] = {
        "number": invoice.number,
        "month": invoice.month,
        "subtotal_nanos": invoice.subtotal_nanos,
        "due_cents": invoice.due_cents,
    }
    with control.store.write() as tx:
        if len(tx.invoices.list(caller.organization_id)) + 1 != invoice.sequence:
            return False
        tx.invoices.add(invoice)
        tx.audit.append(event(caller, invoice.created_at, EventType.INVOICE_ISSUED, invoice.id, details=details))
    return True


def _draft(control: Control, caller: Caller, month: str, issued: Sequence[Invoice]) -> tuple[Invoice, list[str]]:
    """The month's draft, and the earlier months that must be issued first."""
    start, end = invoice_lines.require_month(month)
    now = control.clock()
    if now < start:
        raise invalid("month", f"{month} has not begun (UTC).")
    if issued and month < issued[-1].month:
        message = f"{month} has no invoice, and a later month has one: what came late is on the next invoice."
        raise KeyhouseError(ErrorCode.NOT_FOUND, message, param="month")
    reports.refresh(control.store)
    with control.store.read() as tx:
        books = invoice_lines.read(tx, caller.organization_id, end)
    draft = invoice_lines.drafted(books, caller.organization_id, month, now)
    return draft, invoice_lines.waiting_months(books, month)


def _refuse_unready(draft: Invoice, waiting: list[str]) -> None:
    if waiting:
        message = f"Invoices are issued in order: {waiting[0]} has usage and no invoice yet."
        raise KeyhouseError(ErrorCode.CONFLICT, message)
    if not draft.lines:
        raise KeyhouseError(ErrorCode.CONFLICT, f"Nothing was used in {draft.month}, so there is nothing to invoice.")
