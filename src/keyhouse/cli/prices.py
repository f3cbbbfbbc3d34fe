"""`keyhouse prices`: US dollars per million tokens, versioned, in force at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import opened
from keyhouse.control import objects, prices
from keyhouse.control.prices import DollarRates
from keyhouse.domain.money import Price

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Model = Annotated[str, typer.Argument(metavar="MODEL", help="The model's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; amounts are exact decimals of US dollars.")]


@app.command("set")
def set_(
    ctx: typer.Context,
    model: Model,
    *,
    input_: Annotated[str, typer.Option("--input", metavar="USD", help="Per million input tokens.")],
    output_: Annotated[str, typer.Option("--output", metavar="USD", help="Per million output tokens.")],
    cached_input: Annotated[
        str | None, typer.Option(metavar="USD", help="Per million cached input tokens. As input, if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Gives a model a price for every call from now on."""
    with opened(ctx) as house:
        price = prices.set_price(house.control, house.caller, model, DollarRates(input_, output_, cached_input))
    _print([price], as_json=as_json)


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Lists the price in force of every model."""
    with opened(ctx) as house:
        _print(prices.current(house.control, house.caller), as_json=as_json)


@app.command()
def show(ctx: typer.Context, model: Model, as_json: AsJson = False) -> None:
    """Shows every version of a model's price, newest first."""
    with opened(ctx) as house:
        _print(prices.show(house.control, house.caller, model), as_json=as_json)


def _print(found: Sequence[Price], *, as_json: bool) -> None:
    if as_json:
        output.json([objects.price(price) for price in found])
        return
    heads = ("MODEL", "INPUT", "CACHED INPUT", "OUTPUT", "FROM", "SOURCE")
    output.table(heads, [_row(price) for price in found])


def _row(price: Price) -> list[str | None]:
    rates = price.rates
    amounts = [
        None if nanos is None else objects.dollars(nanos) for nanos in (rates.input, rates.cached_input, rates.output)
    ]
    return [price.model, *amounts, output.moment(price.effective_at), price.source]
