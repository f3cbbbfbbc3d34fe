"""`keyhouse projects models`."""

from __future__ import annotations

from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import opened
from keyhouse.control import model_permissions, naming
from keyhouse.domain.model_permissions import ModelPermissions

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Which = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id, or its name where only one has it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command()
def show(ctx: typer.Context, project: Which, as_json: AsJson = False) -> None:
    """Shows which models a project's keys may call, or may not."""
    with opened(ctx) as house:
        found = naming.find_project(house.control, house.caller, project)
        _print(model_permissions.show(house.control, house.caller, found.id), as_json=as_json)


@app.command("set")
def set_(
    ctx: typer.Context,
    project: Which,
    *,
    mode: Annotated[str, typer.Option(help="allow_list: these models only; deny_list: all but these.")],
    model: Annotated[list[str] | None, typer.Option(help="A model's exact name. Repeat for more.")] = None,
    as_json: AsJson = False,
) -> None:
    """Sets the models that a project's keys may call, or may not; an allow_list of none allows nothing."""
    given = {"mode": mode, "model_ids": model or []}
    with opened(ctx) as house:
        found = naming.find_project(house.control, house.caller, project)
        _print(model_permissions.put(house.control, house.caller, found.id, given), as_json=as_json)


@app.command()
def remove(ctx: typer.Context, project: Which) -> None:
    """Lets a project's keys call every model again that each key's own list allows."""
    with opened(ctx) as house:
        found = naming.find_project(house.control, house.caller, project)
        model_permissions.remove(house.control, house.caller, found.id)
    typer.echo(f"Project {found.id} has no model permissions any more.", err=True)


def _print(permissions: ModelPermissions, *, as_json: bool) -> None:
    if as_json:
        output.json(model_permissions.as_object(permissions))
    else:
        output.table(("MODE", "MODELS"), [[permissions.mode.value, ", ".join(permissions.model_ids) or None]])
