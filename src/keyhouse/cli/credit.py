"""`keyhouse credit`: usage that is paid before it happens."""

from __future__ import annotations

from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import opened
from keyhouse.control import credit, invoice_objects, usage

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command()
def grant(
    ctx: typer.Context,
    amount: Annotated[str, typer.Argument(metavar="USD", help="US dollars, such as 100.00.")],
    *,
    expires: Annotated[
        str | None, typer.Option(metavar="DATE", help="It pays for usage before this day (UTC), such as 2027-01-01.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    as_json: AsJson = False,
) -> None:
    """Grants credit that pays for usage from today on."""
    with opened(ctx) as house:
        given: dict[str, object] = {"amount": amount, "expires_at": expires, "note": note}
        made = credit.grant(house.control, house.caller, given)
    if as_json:
        output.json(invoice_objects.grant(made))
    else:
        heads = ("ID", "AMOUNT", "EXPIRES", "NOTE")
        output.table(heads, [(made.id, usage.dollars(made.amount_nanos), output.moment(made.expires_at), made.note)])


@app.command()
def balance(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Shows every grant: what it has paid, what is left of it, and what it lost when it expired."""
    with opened(ctx) as house:
        found = credit.balance(house.control, house.caller)
    if as_json:
        output.json(invoice_objects.balance(found))
        return
    rows = [
        (s.grant.id, *map(usage.dollars, (s.grant.amount_nanos, s.paid_nanos, s.left_nanos, s.expired_nanos)),
         output.moment(s.grant.expires_at), s.grant.note)
        for s in found.grants
    ]  # fmt: skip
    output.table(("ID", "AMOUNT", "PAID", "LEFT", "EXPIRED", "EXPIRES", "NOTE"), rows)
    output.say(f"Available: {usage.dollars(found.available_nanos)} US dollars.")
