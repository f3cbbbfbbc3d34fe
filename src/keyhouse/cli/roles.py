"""`keyhouse roles`: what may be done, bundled under a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from msgspec import UNSET

from keyhouse.cli import output
from keyhouse.cli.house import House, opened
from keyhouse.control import naming, objects, role_assignments, role_objects, roles
from keyhouse.domain.authority import Role

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Which = Annotated[str, typer.Argument(metavar="ROLE", help="The role's id or name.")]
Project = Annotated[
    str | None, typer.Option(help="A project, by id or name; the organization's roles are meant without.")
]
Grants = Annotated[
    list[str] | None,
    typer.Option(
        "--grant", metavar="PERMISSION", help="What it grants, such as api.groups.read; give it again for more."
    ),
]
Description = Annotated[str | None, typer.Option(help="What it is for.")]
User = Annotated[str | None, typer.Option(help="A person, by id or mail address.")]
Group = Annotated[str | None, typer.Option(help="A group, by id or name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command("list")
def list_(ctx: typer.Context, *, project: Project = None, as_json: AsJson = False) -> None:
    """Lists roles, the predefined ones first."""
    with opened(ctx) as house:
        found = roles.list_page(house.control, house.caller, place(house, project)).items
    _print(found, as_json=as_json, many=True)


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the role is called.")],
    *,
    grant: Grants = None,
    description: Description = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Creates a role of the organization or of a project."""
    given = {"role_name": name, "permissions": grant or [], "description": description}
    with opened(ctx) as house:
        made = roles.create(house.control, house.caller, place(house, project), given)
    _print([made], as_json=as_json)


@app.command()
def show(ctx: typer.Context, role: Which, *, project: Project = None, as_json: AsJson = False) -> None:
    """Shows a role and what it grants."""
    with opened(ctx) as house:
        found = roles.find(house.control, house.caller, place(house, project), role)
    if as_json:
        output.json(role_objects.role(found))
    else:
        output.table(("PERMISSION",), [[word] for word in found.words])


@app.command()
def update(
    ctx: typer.Context,
    role: Which,
    *,
    name: Annotated[str | None, typer.Option(help="What it is called from now on.")] = None,
    grant: Grants = None,
    description: Description = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Changes a role for everybody who holds it; what is granted replaces what was."""
    given = {"role_name": name, "permissions": grant, "description": UNSET if description is None else description}
    with opened(ctx) as house:
        project_id = place(house, project)
        found = roles.find(house.control, house.caller, project_id, role)
        changed = roles.update(house.control, house.caller, project_id, found.id, given)
    _print([changed], as_json=as_json)


@app.command()
def delete(ctx: typer.Context, role: Which, *, project: Project = None, as_json: AsJson = False) -> None:
    """Deletes a role: nobody holds it any more."""
    with opened(ctx) as house:
        project_id = place(house, project)
        found = roles.find(house.control, house.caller, project_id, role)
        removed = roles.delete(house.control, house.caller, project_id, found.id)
    if as_json:
        output.json(objects.deleted("role", removed.id))
    else:
        output.say(f"Deleted role '{removed.name}' ({removed.id}).")


@app.command()
def assign(
    ctx: typer.Context,
    role: Which,
    *,
    user: User = None,
    group: Group = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Gives a role to a person or a group."""
    with opened(ctx) as house:
        project_id, holder = (
            place(house, project),
            naming.find_holder(house.control, house.caller, user=user, group=group),
        )
        found = roles.find(house.control, house.caller, project_id, role)
        made = role_assignments.assign(house.control, house.caller, project_id, holder, found.id)
    if as_json:
        output.json(role_objects.assigned(made))
    else:
        output.say(f"{holder.id} holds role '{found.name}' ({found.id}).")


@app.command()
def unassign(
    ctx: typer.Context,
    role: Which,
    *,
    user: User = None,
    group: Group = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Takes a role from a person or a group that it was given to."""
    with opened(ctx) as house:
        project_id, holder = (
            place(house, project),
            naming.find_holder(house.control, house.caller, user=user, group=group),
        )
        found = roles.find(house.control, house.caller, project_id, role)
        role_assignments.remove(house.control, house.caller, project_id, holder, found.id)
    if as_json:
        output.json(role_objects.unassigned(holder.kind))
    else:
        output.say(f"Took role '{found.name}' ({found.id}) from {holder.id}.")


@app.command()
def of(
    ctx: typer.Context, *, user: User = None, group: Group = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists the roles that a person or a group holds, and from where each comes."""
    with opened(ctx) as house:
        project_id, holder = (
            place(house, project),
            naming.find_holder(house.control, house.caller, user=user, group=group),
        )
        found = role_assignments.list_page(house.control, house.caller, project_id, holder).items
    if as_json:
        output.json([role_objects.held(item) for item in found])
    else:
        rows = [[item.role.id, item.role.name, ", ".join(source.id for source in item.sources)] for item in found]
        output.table(("ID", "NAME", "GIVEN TO"), rows)


def place(house: House, project: str | None) -> str | None:
    """The id of the project that is named, None for the organization."""
    return None if project is None else naming.find_project(house.control, house.caller, project).id


def _print(found: Sequence[Role], *, as_json: bool, many: bool = False) -> None:
    if as_json:
        shapes = [role_objects.role(item) for item in found]
        output.json(shapes if many else shapes[0])
    else:
        output.table(("ID", "NAME", "GRANTS", "DESCRIPTION"), [_row(item) for item in found])


def _row(item: Role) -> list[str | None]:
    return [item.id, item.name, f"{len(item.permissions)} permissions", item.description]
