"""`keyhouse retention`."""

from __future__ import annotations

from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import House, opened
from keyhouse.control import data_retention, naming
from keyhouse.domain.data_retention import Retention

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Project = Annotated[str | None, typer.Option(help="A project, by id or name; the organization without.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command()
def show(ctx: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """Shows the data retention of the organization or of a project."""
    with opened(ctx) as house:
        project_id = _project_id(house, project)
        _print(data_retention.show(house.control, house.caller, project_id), project_id, as_json=as_json)


@app.command("set")
def set_(
    ctx: typer.Context,
    retention: Annotated[
        str, typer.Argument(metavar="TYPE", help="zero_data_retention keeps nothing of what calls hold.")
    ],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Sets the data retention of the organization or of a project."""
    with opened(ctx) as house:
        project_id = _project_id(house, project)
        if project_id is None:
            wanted = data_retention.set_for_organization(house.control, house.caller, retention)
        else:
            wanted = data_retention.set_for_project(house.control, house.caller, project_id, retention)
        _print(wanted, project_id, as_json=as_json)


def _project_id(house: House, project: str | None) -> str | None:
    return None if project is None else naming.find_project(house.control, house.caller, project).id


def _print(retention: Retention, project_id: str | None, *, as_json: bool) -> None:
    if as_json:
        output.json(data_retention.as_object(retention, project_id))
    else:
        output.table(("OF", "DATA RETENTION"), [[project_id or "the organization", retention.value]])
