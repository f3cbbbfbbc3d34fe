"""`keyhouse service-accounts`. Their keys are made with `keyhouse keys create --service-account`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from keyhouse.cli import output
from keyhouse.cli.house import House, opened
from keyhouse.control import naming, objects, service_accounts
from keyhouse.control.fields import UNSET
from keyhouse.control.pages import every
from keyhouse.domain.projects import ServiceAccount

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Which = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Its id, or its name where only one account of the project has it.")
]
Project = Annotated[str | None, typer.Option(help="A project, by id or name. The Default project, if not given.")]
Role = Annotated[
    str | None, typer.Option(help="owner or member: what it is called in the project. Its keys stay as they are.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name.")],
    project: Project = None,
    *,
    role: Role = None,
    without_key: Annotated[
        bool, typer.Option("--without-key", help="Create no key with it; its role is none if not given.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Creates a service account with a key, and prints the key's secret, once."""
    with opened(ctx) as house:
        project_id = _project_id(house, project)
        wanted = UNSET if role is None else role
        made = service_accounts.create(
            house.control, house.caller, project_id, name, role=wanted, with_key=not without_key
        )
    if as_json:
        output.json(objects.service_account_created(made))
    elif made.value is not None:
        output.secret(made.value)
    output.say(f"Created service account '{made.account.name}' ({made.account.id}).")
    if made.key is not None:
        output.say(f"Its key is '{made.key.name}' ({made.key.id}); the secret is not shown again.")


@app.command("list")
def list_(ctx: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """Lists the service accounts of a project, oldest first."""
    with opened(ctx) as house:
        project_id = _project_id(house, project)
        found = list(
            every(
                lambda cut: service_accounts.list_page(
                    house.control, house.caller, project_id, after=cut.after, limit=cut.limit
                ),
                lambda account: account.id,
            )
        )
    _print(found, as_json=as_json, many=True)


@app.command()
def show(ctx: typer.Context, account: Which, project: Project = None, as_json: AsJson = False) -> None:
    """Shows a service account."""
    with opened(ctx) as house:
        project_id = _project_id(house, project)
        found = naming.find_service_account(house.control, house.caller, project_id, account)
        found = service_accounts.show(house.control, house.caller, project_id, found.id)
    _print([found], as_json=as_json)


@app.command()
def update(
    ctx: typer.Context,
    account: Which,
    project: Project = None,
    *,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    role: Role = None,
    as_json: AsJson = False,
) -> None:
    """Changes a service account's name or role."""
    given = {"name": UNSET if name is None else name, "role": UNSET if role is None else role}
    with opened(ctx) as house:
        project_id = _project_id(house, project)
        found = naming.find_service_account(house.control, house.caller, project_id, account)
        changed = service_accounts.update(house.control, house.caller, project_id, found.id, **given)
    _print([changed], as_json=as_json)


@app.command()
def rename(
    ctx: typer.Context,
    account: Which,
    name: Annotated[str, typer.Argument(help="Its new name.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Gives a service account another name."""
    with opened(ctx) as house:
        project_id = _project_id(house, project)
        found = naming.find_service_account(house.control, house.caller, project_id, account)
        changed = service_accounts.update(house.control, house.caller, project_id, found.id, name=name)
    _print([changed], as_json=as_json)


@app.command()
def delete(
    ctx: typer.Context,
    account: Which,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Deletes a service account and revokes its keys."""
    with opened(ctx) as house:
        project_id = _project_id(house, project)
        found = naming.find_service_account(house.control, house.caller, project_id, account)
        service_accounts.delete(house.control, house.caller, project_id, found.id)
    if as_json:
        output.json(objects.deleted("organization.project.service_account", found.id))
    output.say(f"Deleted service account '{found.name}' ({found.id}) and revoked its keys.")


def _print(accounts: Sequence[ServiceAccount], *, as_json: bool, many: bool = False) -> None:
    if as_json:
        shapes = [objects.service_account(account) for account in accounts]
        output.json(shapes if many else shapes[0])
        return
    rows = [[account.id, account.name, account.role, output.moment(account.created_at)] for account in accounts]
    output.table(("ID", "NAME", "ROLE", "CREATED"), rows)


def _project_id(house: House, project: str | None) -> str:
    if project is None:
        return naming.default_project(house.control, house.caller).id
    return naming.find_project(house.control, house.caller, project).id
