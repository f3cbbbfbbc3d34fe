"""`keyhouse projects`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from keyhouse.cli import hosted_tools, model_permissions, output, values
from keyhouse.cli.house import House, opened
from keyhouse.control import naming, objects, projects, tags
from keyhouse.control.fields import UNSET
from keyhouse.control.pages import every
from keyhouse.control.project_fields import ProjectFields
from keyhouse.domain.projects import Project

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)
app.add_typer(model_permissions.app, name="models", help="Which models a project's keys may call.")
app.add_typer(hosted_tools.app, name="tools", help="Which hosted tools a project's calls may use.")

Which = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id, or its name where only one has it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]
Residency = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE", help="Where its data is to reside, such as EU_STORAGE_PROCESSING. A note: not enforced."
    ),
]
ExternalKey = Annotated[
    str | None, typer.Option(metavar="ID", help="What its external key is called. A note: not used.")
]


@app.command("list")
def list_(
    ctx: typer.Context,
    archived: Annotated[bool, typer.Option("--archived", help="Archived projects too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lists projects, oldest first."""
    with opened(ctx) as house:
        found = list(
            every(
                lambda cut: projects.list_page(
                    house.control, house.caller, after=cut.after, limit=cut.limit, include_archived=archived
                ),
                lambda project: project.id,
            )
        )
        of = tags.of(house.control, house.caller, [project.id for project in found])
    if as_json:
        output.json([objects.project(project, of[project.id]) for project in found])
    else:
        output.table(_HEADS, [_row(project, of[project.id]) for project in found])


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name.")],
    *,
    tag: values.Tags = None,
    residency: Residency = None,
    external_key_id: ExternalKey = None,
    as_json: AsJson = False,
) -> None:
    """Creates a project."""
    wanted = values.tags_or_none(tag, none=False)
    given = ProjectFields(external_key_id, residency)
    with opened(ctx) as house:
        _print(house, projects.create(house.control, house.caller, name, wanted, given), as_json=as_json)


@app.command()
def show(ctx: typer.Context, project: Which, as_json: AsJson = False) -> None:
    """Shows a project."""
    with opened(ctx) as house:
        found = naming.find_project(house.control, house.caller, project)
        _print(house, projects.show(house.control, house.caller, found.id), as_json=as_json)


@app.command()
def update(
    ctx: typer.Context,
    project: Which,
    *,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    tag: values.Tags = None,
    no_tags: values.NoTags = False,
    residency: Residency = None,
    no_residency: Annotated[bool, typer.Option("--no-residency", help="Forget where its data is to reside.")] = False,
    external_key_id: ExternalKey = None,
    no_external_key_id: Annotated[bool, typer.Option("--no-external-key-id", help="Forget its external key.")] = False,
    as_json: AsJson = False,
) -> None:
    """Changes a project's name, tags and notes."""
    wanted = values.tags_or_none(tag, none=no_tags)
    given = ProjectFields(
        values.text_or_none(external_key_id, "external-key-id", none=no_external_key_id),
        values.text_or_none(residency, "residency", none=no_residency),
    )
    with opened(ctx) as house:
        found = naming.find_project(house.control, house.caller, project)
        named = UNSET if name is None else name
        changed = projects.update(house.control, house.caller, found.id, name=named, new_tags=wanted, given=given)
        _print(house, changed, as_json=as_json)


@app.command()
def rename(
    ctx: typer.Context,
    project: Which,
    name: Annotated[str, typer.Argument(help="Its new name.")],
    as_json: AsJson = False,
) -> None:
    """Gives a project another name."""
    with opened(ctx) as house:
        found = naming.find_project(house.control, house.caller, project)
        _print(house, projects.rename(house.control, house.caller, found.id, name), as_json=as_json)


@app.command()
def archive(ctx: typer.Context, project: Which, as_json: AsJson = False) -> None:
    """Closes a project for good: every key of it is refused from then on."""
    with opened(ctx) as house:
        found = naming.find_project(house.control, house.caller, project)
        _print(house, projects.archive(house.control, house.caller, found.id), as_json=as_json)


_HEADS = ("ID", "NAME", "STATUS", "CREATED", "ARCHIVED", "RESIDENCY", "EXTERNAL KEY", "TAGS")


def _row(project: Project, of: Mapping[str, str]) -> list[str | None]:
    created, archived = output.moment(project.created_at), output.moment(project.archived_at)
    residency = None if project.residency is None else project.residency.value
    notes = [residency, project.external_key_id, values.tag_words(of) or None]
    return [project.id, project.name, project.status, created, archived, *notes]


def _print(house: House, project: Project, *, as_json: bool) -> None:
    of = tags.of(house.control, house.caller, [project.id])[project.id]
    if as_json:
        output.json(objects.project(project, of))
    else:
        output.table(_HEADS, [_row(project, of)])
