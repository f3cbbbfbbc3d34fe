"""`keyhouse groups`: people who hold roles together."""

from __future__ import annotations

from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import opened
from keyhouse.control import groups, naming, objects, people_objects, project_groups
from keyhouse.control.pages import every
from keyhouse.domain.people import Group

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Which = Annotated[str, typer.Argument(metavar="GROUP", help="The group's id, or its name where only one has it.")]
Who = Annotated[str, typer.Argument(metavar="PERSON", help="A person's id or email.")]
InProject = Annotated[str, typer.Option("--project", help="A project, by id or name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    project: Annotated[str | None, typer.Option(help="Those of a project, by id or name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists groups, oldest first."""
    with opened(ctx) as house:
        if project is not None:
            project_id = naming.find_project(house.control, house.caller, project).id
            placed = project_groups.list_page(house.control, house.caller, project_id, limit=1000).items
            if as_json:
                output.json([people_objects.project_group(item) for item in placed])
            else:
                output.table(_HEADS, [_row(item.group) for item in placed])
            return
        found = list(
            every(
                lambda cut: groups.list_page(house.control, house.caller, after=cut.after, limit=cut.limit),
                lambda group: group.id,
            )
        )
    if as_json:
        output.json([people_objects.group(item) for item in found])
    else:
        output.table(_HEADS, [_row(item) for item in found])


@app.command()
def create(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="Its name.")], *, as_json: AsJson = False
) -> None:
    """Creates a group."""
    with opened(ctx) as house:
        _print(groups.create(house.control, house.caller, name), as_json=as_json)


@app.command()
def show(ctx: typer.Context, group: Which, *, as_json: AsJson = False) -> None:
    """Shows a group and who is in it."""
    with opened(ctx) as house:
        found = naming.find_group(house.control, house.caller, group)
        inside = list(
            every(
                lambda cut: groups.list_people(
                    house.control, house.caller, found.id, after=cut.after, limit=cut.limit, newest_first=False
                ),
                lambda item: item[0].id,
            )
        )
    if as_json:
        output.json({**people_objects.group(found), "users": [people_objects.group_user(p) for p, _ in inside]})
    else:
        output.table(("ID", "EMAIL", "NAME"), [[person.id, person.email, person.name] for person, _ in inside])


@app.command()
def rename(
    ctx: typer.Context,
    group: Which,
    name: Annotated[str, typer.Argument(help="Its new name.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Gives a group another name."""
    with opened(ctx) as house:
        found = naming.find_group(house.control, house.caller, group)
        _print(groups.rename(house.control, house.caller, found.id, name), as_json=as_json)


@app.command()
def delete(ctx: typer.Context, group: Which, *, as_json: AsJson = False) -> None:
    """Forgets a group; what its people held through it, they hold no more."""
    with opened(ctx) as house:
        found = naming.find_group(house.control, house.caller, group)
        groups.delete(house.control, house.caller, found.id)
    if as_json:
        output.json(objects.deleted("group", found.id))
    output.say(f"Deleted group '{found.name}' ({found.id}).")


@app.command()
def join(ctx: typer.Context, group: Which, person: Who, *, as_json: AsJson = False) -> None:
    """Puts a person into a group."""
    with opened(ctx) as house:
        found = naming.find_group(house.control, house.caller, group)
        user_id = naming.find_person(house.control, house.caller, person).id
        added = groups.add_person(house.control, house.caller, found.id, user_id)
    if as_json:
        output.json(people_objects.group_assignment(added))
    output.say(f"{person} is in group '{found.name}' now.")


@app.command()
def leave(ctx: typer.Context, group: Which, person: Who, *, as_json: AsJson = False) -> None:
    """Takes a person out of a group."""
    with opened(ctx) as house:
        found = naming.find_group(house.control, house.caller, group)
        user_id = naming.find_person(house.control, house.caller, person).id
        groups.remove_person(house.control, house.caller, found.id, user_id)
    if as_json:
        output.json({"object": "group.user.deleted", "deleted": True})
    output.say(f"{person} is no longer in group '{found.name}'.")


@app.command()
def enter(
    ctx: typer.Context,
    group: Which,
    *,
    project: InProject,
    role: Annotated[str, typer.Option(help="A role's id, such as role-project-viewer.")] = "role-project-member",
    as_json: AsJson = False,
) -> None:
    """Gives a group a role in a project."""
    with opened(ctx) as house:
        found = naming.find_group(house.control, house.caller, group)
        project_id = naming.find_project(house.control, house.caller, project).id
        placed = project_groups.add(house.control, house.caller, project_id, found.id, role)
    if as_json:
        output.json(people_objects.project_group(placed))
    output.say(f"Group '{found.name}' holds {', '.join(placed.role_ids)} in the project now.")


@app.command()
def exit(ctx: typer.Context, group: Which, *, project: InProject, as_json: AsJson = False) -> None:  # noqa: A001
    """Takes every role that a group holds in a project."""
    with opened(ctx) as house:
        found = naming.find_group(house.control, house.caller, group)
        project_id = naming.find_project(house.control, house.caller, project).id
        project_groups.remove(house.control, house.caller, project_id, found.id)
    if as_json:
        output.json({"object": "project.group.deleted", "deleted": True})
    output.say(f"Group '{found.name}' holds nothing in the project any more.")


_HEADS = ("ID", "NAME", "CREATED")


def _row(item: Group) -> list[str | None]:
    return [item.id, item.name, output.moment(item.created_at)]


def _print(item: Group, *, as_json: bool) -> None:
    if as_json:
        output.json(people_objects.group(item))
    else:
        output.table(_HEADS, [_row(item)])
