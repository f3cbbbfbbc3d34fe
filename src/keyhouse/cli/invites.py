"""`keyhouse invites`: people who may join. A link stands alone on stdout, once."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec import UNSET

from keyhouse.cli import output
from keyhouse.cli.house import House, opened
from keyhouse.control import invites, naming, objects, people_objects
from keyhouse.control.pages import every
from keyhouse.domain.errors import invalid
from keyhouse.domain.people import Invite

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Which = Annotated[
    str, typer.Argument(metavar="INVITE", help="The invitation's id, or the email of one that is pending.")
]
Projects = Annotated[
    list[str] | None,
    typer.Option(
        "--project", metavar="PROJECT[=ROLE]", help="A project by id or name, as member unless said; repeatable."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command("list")
def list_(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Lists invitations, oldest first."""
    with opened(ctx) as house:
        found = _every(house)
        _print(house, found, as_json=as_json, many=True)


@app.command()
def create(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="Whom to invite.")],
    *,
    role: Annotated[str, typer.Option(help="owner, reader or member.")] = "member",
    project: Projects = None,
    no_project: Annotated[
        bool, typer.Option("--no-project", help="Into no project, not the Default one either.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Invites somebody, and prints the link that they join by, once."""
    if no_project and project:
        raise invalid("--no-project", "'--project' and '--no-project' exclude each other.")
    with opened(ctx) as house:
        places: object = [_place(house, text) for text in project or ()]
        sent = invites.create(house.control, house.caller, email, role, places if project or no_project else UNSET)
        now = house.control.clock()
    if as_json:
        output.json({**people_objects.invite(sent.invite, now), "invite_url": sent.url})
    else:
        output.secret(sent.url)
    ends = output.moment(sent.invite.expires_at)
    output.say(f"Invited {sent.invite.email} ({sent.invite.id}). The link works until {ends} and is not shown again.")


@app.command()
def show(ctx: typer.Context, invite: Which, *, as_json: AsJson = False) -> None:
    """Shows an invitation, never its link."""
    with opened(ctx) as house:
        _print(house, [invites.show(house.control, house.caller, _id(house, invite))], as_json=as_json)


@app.command()
def delete(ctx: typer.Context, invite: Which, *, as_json: AsJson = False) -> None:
    """Takes an invitation back: its link leads nowhere any more."""
    with opened(ctx) as house:
        gone = invites.delete(house.control, house.caller, _id(house, invite))
    if as_json:
        output.json(objects.deleted("organization.invite", gone.id))
    output.say(f"Took back the invitation of {gone.email} ({gone.id}).")


def _place(house: House, text: str) -> dict[str, str]:
    name, _, role = text.partition("=")
    return {"id": naming.find_project(house.control, house.caller, name).id, "role": role or "member"}


def _id(house: House, text: str) -> str:
    if "@" not in text:
        return text
    named = [item.id for item in _every(house) if item.email == text.strip().lower() and item.accepted_at is None]
    return named[-1] if named else text


def _every(house: House) -> list[Invite]:
    return list(
        every(
            lambda cut: invites.list_page(house.control, house.caller, after=cut.after, limit=cut.limit),
            lambda item: item.id,
        )
    )


def _print(house: House, found: list[Invite], *, as_json: bool, many: bool = False) -> None:
    now = house.control.clock()
    if as_json:
        shown = [people_objects.invite(item, now) for item in found]
        output.json(shown if many else shown[0])
        return
    rows = [
        [item.id, item.email, item.role.value, item.status(now).value, output.moment(item.expires_at)] for item in found
    ]
    output.table(("ID", "EMAIL", "ROLE", "STATUS", "EXPIRES"), rows)
