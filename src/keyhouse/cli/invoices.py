"""`keyhouse invoices`: drafts of running months, issued invoices, and what they say beside their lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import opened
from keyhouse.control import billing_profiles, invoice_objects, invoice_pdf, invoices, usage
from keyhouse.control.fields import UNSET
from keyhouse.domain.billing import Invoice
from keyhouse.domain.errors import invalid

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)
profile = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)
app.add_typer(profile, name="profile", help="Who sells and buys, the tax and the terms.")

Which = Annotated[str, typer.Argument(metavar="INVOICE", help="A month such as 2026-10, a number, or an id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, one row for each line.")]
Lines = list[str] | None


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Lists issued invoices."""
    with opened(ctx) as house:
        found = invoices.list_issued(house.control, house.caller)
    if as_json:
        output.json([invoice_objects.invoice(item) for item in found])
    else:
        output.table(("NUMBER", "MONTH", "ISSUED", "USAGE", "CREDIT", "TAX", "DUE"), [_row(item) for item in found])


@app.command()
def show(
    ctx: typer.Context,
    which: Which,
    *,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the PDF into this file.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Shows an issued invoice, or the draft of a month that is not issued."""
    if as_json + as_csv + (pdf is not None) > 1:
        raise invalid("json", "'--json', '--csv' and '--pdf' exclude each other.")
    with opened(ctx) as house:
        found = invoices.show(house.control, house.caller, which)
    if pdf is not None:
        try:
            pdf.write_bytes(invoice_pdf.render(found))
        except OSError as error:
            raise invalid("pdf", f"'{pdf}' cannot be written: {error.strerror}.") from None
    elif as_csv:
        typer.echo(invoice_objects.as_csv(found), nl=False)
    else:
        _print(found, as_json=as_json)


@app.command()
def issue(
    ctx: typer.Context, month: Annotated[str, typer.Argument(help="Such as 2026-10.")], as_json: AsJson = False
) -> None:
    """Issues the invoice of a month that is over: it gets its number and never changes again."""
    with opened(ctx) as house:
        _print(invoices.issue(house.control, house.caller, month), as_json=as_json)


@profile.command("show")
def show_profile(ctx: typer.Context) -> None:
    """Prints the billing profile as JSON."""
    with opened(ctx) as house:
        output.json(invoice_objects.profile(billing_profiles.show(house.control, house.caller)))


@profile.command("set")
def set_profile(
    ctx: typer.Context,
    *,
    legal_name: Annotated[str | None, typer.Option(help="Who buys.")] = None,
    address: Annotated[Lines, typer.Option(help="A line of the buyer's address; repeatable.")] = None,
    tax_id: Annotated[str | None, typer.Option(help="The buyer's tax id.")] = None,
    seller_name: Annotated[str | None, typer.Option(help="Who sells.")] = None,
    seller_address: Annotated[Lines, typer.Option(help="A line of the seller's address; repeatable.")] = None,
    seller_tax_id: Annotated[str | None, typer.Option(help="The seller's tax id.")] = None,
    tax_name: Annotated[str | None, typer.Option(help="What the tax is called, such as VAT.")] = None,
    tax_rate: Annotated[str | None, typer.Option(metavar="PERCENT", help="Such as 19 or 8.875.")] = None,
    terms_days: Annotated[int | None, typer.Option(metavar="DAYS", help="Days until an invoice is due.")] = None,
    note: Annotated[str | None, typer.Option(help="A sentence at the end of every invoice.")] = None,
) -> None:
    """Changes what the next invoices state; what is not given stays."""
    given: dict[str, object] = {
        "legal_name": legal_name, "address": address, "tax_id": tax_id, "seller_name": seller_name,
        "seller_address": seller_address, "seller_tax_id": seller_tax_id, "tax_name": tax_name, "tax_rate": tax_rate,
        "terms_days": terms_days, "note": note,
    }  # fmt: skip
    with opened(ctx) as house:
        wanted = {name: UNSET if value is None else value for name, value in given.items()}
        output.json(invoice_objects.profile(billing_profiles.update(house.control, house.caller, wanted)))


def _row(item: Invoice) -> tuple[str | None, ...]:
    issued = None if item.sequence is None else output.moment(item.created_at)
    tax, due = (f"{cents // 100}.{cents % 100:02d}" for cents in (item.tax_cents, item.due_cents))
    amounts = (usage.dollars(item.subtotal_nanos), usage.dollars(item.credit_nanos), tax, due)
    return (item.number or "draft", item.month, issued, *amounts)


def _print(item: Invoice, *, as_json: bool) -> None:
    if as_json:
        output.json(invoice_objects.invoice(item))
        return
    rows = [
        (line.key.month, line.project_name, line.key.model, line.key.unit.value, f"{line.quantity:,}",
         "various" if line.unit_price_nanos is None else usage.dollars(line.unit_price_nanos),
         "unpriced" if line.amount_nanos is None else usage.dollars(line.amount_nanos))
        for line in item.lines
    ]  # fmt: skip
    output.table(("MONTH", "PROJECT", "MODEL", "UNIT", "QUANTITY", "USD/MILLION", "AMOUNT"), rows)
    output.table(("NUMBER", "MONTH", "ISSUED", "USAGE", "CREDIT", "TAX", "DUE"), [_row(item)])
