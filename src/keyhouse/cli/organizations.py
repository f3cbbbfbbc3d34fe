"""`keyhouse organizations`: those that the house serves. Only the operator makes one, here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from keyhouse.cli import first, output
from keyhouse.cli.house import whole
from keyhouse.control import organizations
from keyhouse.control.organizations import Listing

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

NewName = Annotated[str, typer.Argument(metavar="NAME", help="The organization's name, which no other one has.")]
Name = Annotated[str, typer.Argument(metavar="ORGANIZATION", help="The organization, by name or id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    ctx: typer.Context,
    name: NewName,
    *,
    owner_email: Annotated[
        str | None, typer.Option(help="Its owner; somebody whom the house knows keeps their password.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Creates a further organization, its Default project, an owner and two keys, and prints them once."""
    with whole(ctx) as house:
        facts = organizations.create(house.control, name, owner_email)
    first.print_facts(facts, as_json=as_json)


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Lists the organizations, the one that runs the house first."""
    with whole(ctx) as house:
        _print(organizations.list_all(house.control), as_json=as_json)


@app.command()
def show(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Shows an organization."""
    with whole(ctx) as house:
        _print([organizations.show(house.control, name)], as_json=as_json, alone=True)


@app.command()
def rename(ctx: typer.Context, name: Name, new_name: NewName, as_json: AsJson = False) -> None:
    """Gives an organization another name."""
    with whole(ctx) as house:
        _print([organizations.rename(house.control, name, new_name)], as_json=as_json, alone=True)


def _print(found: Sequence[Listing], *, as_json: bool, alone: bool = False) -> None:
    if as_json:
        shown = [organizations.as_object(item) for item in found]
        output.json(shown[0] if alone else shown)
        return
    rows = [
        [item.organization.id, item.organization.name, "yes" if item.runs_house else "no",
         output.moment(item.organization.created_at)]
        for item in found
    ]  # fmt: skip
    output.table(("ID", "NAME", "RUNS THE HOUSE", "CREATED"), rows)
