"""`keyhouse projects tools`."""

from __future__ import annotations

from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import opened
from keyhouse.control import hosted_tools, naming
from keyhouse.domain.errors import invalid
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.projects import Project

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Which = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id, or its name where only one has it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]
_NAMES = ", ".join(tool.value for tool in HostedTool)


@app.command()
def show(ctx: typer.Context, project: Which, as_json: AsJson = False) -> None:
    """Shows which hosted tools the calls of a project may use."""
    with opened(ctx) as house:
        found = naming.find_project(house.control, house.caller, project)
        _print(hosted_tools.show(house.control, house.caller, found.id), as_json=as_json)


@app.command("set")
def set_(
    ctx: typer.Context,
    project: Which,
    *,
    allow: Annotated[list[str] | None, typer.Option(help=f"A tool: {_NAMES}. Repeat for more.")] = None,
    deny: Annotated[list[str] | None, typer.Option(help="A tool. Repeat for more.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lets the calls of a project use hosted tools, or not; tools that are not named stay as they are."""
    given: dict[str, object] = {}
    for option, names in (("--allow", allow), ("--deny", deny)):
        for name in names or []:
            if name in given or name not in {tool.value for tool in HostedTool}:
                what = "is named twice" if name in given else f"is none of {_NAMES}"
                raise invalid(option, f"'{name}' {what}.")
            given[name] = {"enabled": option == "--allow"}
    with opened(ctx) as house:
        found = naming.find_project(house.control, house.caller, project)
        _print(hosted_tools.update(house.control, house.caller, found.id, given), as_json=as_json)


def _print(project: Project, *, as_json: bool) -> None:
    if as_json:
        output.json(hosted_tools.as_object(project))
    else:
        rows = [[tool.value, "denied" if tool in project.denied_tools else "allowed"] for tool in HostedTool]
        output.table(("TOOL", "CALLS"), rows)
