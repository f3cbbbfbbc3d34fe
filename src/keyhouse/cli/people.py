"""`keyhouse people`: who is in the organization and in its projects. A first password stands alone on stdout."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec import UNSET

from keyhouse.cli import output
from keyhouse.cli.house import House, opened
from keyhouse.control import naming, objects, people, people_objects, project_users
from keyhouse.control.pages import every
from keyhouse.control.people import PersonView
from keyhouse.control.project_users import Placed

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Who = Annotated[str, typer.Argument(metavar="PERSON", help="The person's id or email.")]
InProject = Annotated[str, typer.Option("--project", help="A project, by id or name.")]
Project = Annotated[
    str | None, typer.Option(help="The people of a project, by id or name; of the organization without.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command("list")
def list_(ctx: typer.Context, *, project: Project = None, as_json: AsJson = False) -> None:
    """Lists people, those added first first."""
    with opened(ctx) as house:
        if project is not None:
            _print_placed(_placed(house, naming.find_project(house.control, house.caller, project).id), as_json=as_json)
            return
        found = list(
            every(
                lambda cut: people.list_page(house.control, house.caller, after=cut.after, limit=cut.limit),
                lambda item: item.person.id,
            )
        )
    _print(found, as_json=as_json, many=True)


@app.command()
def add(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="Their email.")],
    *,
    name: Annotated[str, typer.Option(help="What they are called.")],
    role: Annotated[str, typer.Option(help="owner, reader or member.")] = "reader",
    as_json: AsJson = False,
) -> None:
    """Adds somebody without an invitation, and prints their first password, once."""
    with opened(ctx) as house:
        made = people.add(house.control, house.caller, email, name, role)
    if as_json:
        output.json({**people_objects.user(made.view), "password": made.password})
    elif made.password is not None:
        output.secret(made.password)
    person = made.view.person
    known = "They keep the password that they have." if made.password is None else "The password is not shown again."
    output.say(f"Added {person.email} ({person.id}). {known}")


@app.command()
def show(ctx: typer.Context, person: Who, *, as_json: AsJson = False) -> None:
    """Shows a person."""
    with opened(ctx) as house:
        user_id = naming.find_person(house.control, house.caller, person).id
        found = people.show(house.control, house.caller, user_id)
    _print([found], as_json=as_json)


@app.command()
def update(
    ctx: typer.Context,
    person: Who,
    *,
    role: Annotated[str | None, typer.Option(help="owner, reader or member.")] = None,
    technical_level: Annotated[str | None, typer.Option(help="What OpenAI's clients keep there.")] = None,
    developer_persona: Annotated[str | None, typer.Option(help="What OpenAI's clients keep there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Gives a person another role in the organization."""
    with opened(ctx) as house:
        user_id = naming.find_person(house.control, house.caller, person).id
        changed = people.update(
            house.control,
            house.caller,
            user_id,
            role=UNSET if role is None else role,
            technical_level=UNSET if technical_level is None else technical_level,
            developer_persona=UNSET if developer_persona is None else developer_persona,
        )
    _print([changed], as_json=as_json)


@app.command()
def remove(ctx: typer.Context, person: Who, *, as_json: AsJson = False) -> None:
    """Takes a person out of the organization and disables their keys, which are listed for whoever takes over."""
    with opened(ctx) as house:
        user_id = naming.find_person(house.control, house.caller, person).id
        gone = people.remove(house.control, house.caller, user_id)
    if as_json:
        output.json(people_objects.user_removed(gone))
    else:
        output.table(("DISABLED KEY", "NAME", "PROJECT"), [[key.id, key.name, key.project_id] for key in gone.keys])
    output.say(f"Removed {gone.person.email}; {len(gone.keys)} of their keys are disabled now.")


@app.command()
def join(
    ctx: typer.Context,
    person: Who,
    *,
    project: InProject,
    role: Annotated[str, typer.Option(help="owner, member or viewer.")] = "member",
    as_json: AsJson = False,
) -> None:
    """Puts a person into a project, or gives them another role in it."""
    with opened(ctx) as house:
        project_id = naming.find_project(house.control, house.caller, project).id
        user_id = naming.find_person(house.control, house.caller, person).id
        inside = {placed.id for placed, _ in _placed(house, project_id)}
        if user_id in inside:
            placed = project_users.update(house.control, house.caller, project_id, user_id, role)
        else:
            placed = project_users.add(house.control, house.caller, project_id, role, user_id=user_id)
    _print_placed([placed], as_json=as_json, many=False)


@app.command()
def leave(ctx: typer.Context, person: Who, *, project: InProject, as_json: AsJson = False) -> None:
    """Takes a person out of a project and disables their keys in it."""
    with opened(ctx) as house:
        project_id = naming.find_project(house.control, house.caller, project).id
        user_id = naming.find_person(house.control, house.caller, person).id
        gone = project_users.remove(house.control, house.caller, project_id, user_id)
    if as_json:
        output.json(objects.deleted("organization.project.user", gone.id))
    output.say(f"{gone.email} is no longer in the project; their keys in it are disabled.")


def _placed(house: House, project_id: str) -> list[Placed]:
    return list(
        every(
            lambda cut: project_users.list_page(
                house.control, house.caller, project_id, after=cut.after, limit=cut.limit
            ),
            lambda placed: placed[0].id,
        )
    )


_HEADS = ("ID", "EMAIL", "NAME", "ROLE", "ADDED")


def _print(found: list[PersonView], *, as_json: bool, many: bool = False) -> None:
    if as_json:
        shown = [people_objects.user(item) for item in found]
        output.json(shown if many else shown[0])
        return
    rows = [
        [
            item.person.id,
            item.person.email,
            item.person.name,
            item.member.role.value,
            output.moment(item.member.added_at),
        ]
        for item in found
    ]
    output.table(_HEADS, rows)


def _print_placed(found: list[Placed], *, as_json: bool, many: bool = True) -> None:
    if as_json:
        shown = [people_objects.project_user(item) for item in found]
        output.json(shown if many else shown[0])
        return
    rows = [[p.id, p.email, p.name, member.role.value, output.moment(member.added_at)] for p, member in found]
    output.table(_HEADS, rows)
