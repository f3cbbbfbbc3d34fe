"""`keyhouse certificates`: client certificates, and where calls must show one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from msgspec import UNSET

from keyhouse.cli import output
from keyhouse.cli.house import House, opened
from keyhouse.control import certificate_objects, certificates, naming
from keyhouse.control.certificates import CertificateView
from keyhouse.domain.errors import invalid

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Which = Annotated[str, typer.Argument(metavar="CERTIFICATE", help="Its id, or its name where only one has it.")]
Some = Annotated[list[str], typer.Argument(metavar="CERTIFICATE…", help="Up to ten, by id or name.")]
Project = Annotated[str | None, typer.Option(help="A project, by id or name; the organization without.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command("list")
def list_(ctx: typer.Context, *, project: Project = None, as_json: AsJson = False) -> None:
    """Lists certificates, newest first, and whether they are active."""
    with opened(ctx) as house:
        found = certificates.list_page(house.control, house.caller, _project(house, project), limit=1000).items
    _print(list(found), as_json=as_json, in_project=project is not None)


@app.command()
def upload(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(help="A file with one certificate as PEM; - for standard input.")],
    *,
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    as_json: AsJson = False,
) -> None:
    """Keeps a certificate: an authority's that signs clients', or a single client's own. It is active nowhere yet."""
    content = _content(file)
    with opened(ctx) as house:
        made = certificates.upload(house.control, house.caller, content, UNSET if name is None else name)
    if as_json:
        output.json(certificate_objects.certificate(made))
    output.say(f"Uploaded {made.certificate.id}. Activate it where calls must show one.")


@app.command()
def show(
    ctx: typer.Context,
    certificate: Which,
    *,
    content: Annotated[bool, typer.Option("--content", help="With its PEM text.")] = False,
    as_json: AsJson = False,
) -> None:
    """Shows a certificate."""
    with opened(ctx) as house:
        found = certificates.show(house.control, house.caller, _id(house, certificate))
    if as_json:
        output.json(certificate_objects.certificate(found, with_content=content))
        return
    _print([found], as_json=False)
    if content:
        output.say(found.certificate.content.rstrip())


@app.command()
def rename(ctx: typer.Context, certificate: Which, name: Annotated[str, typer.Argument(help="Its new name.")]) -> None:
    """Gives a certificate another name."""
    with opened(ctx) as house:
        changed = certificates.update(house.control, house.caller, _id(house, certificate), name)
    output.say(f"{changed.certificate.id} is called '{changed.certificate.name}' now.")


@app.command()
def delete(ctx: typer.Context, certificate: Which) -> None:
    """Forgets a certificate that is active nowhere."""
    with opened(ctx) as house:
        gone = certificates.delete(house.control, house.caller, _id(house, certificate))
    output.say(f"Deleted {gone.id}.")


@app.command()
def activate(ctx: typer.Context, certificate: Some, *, project: Project = None, as_json: AsJson = False) -> None:
    """Makes calls show a certificate. This gateway speaks no TLS yet: it refuses every call where one is active."""
    with opened(ctx) as house:
        wanted = [_id(house, text) for text in certificate]
        done = certificates.activate(house.control, house.caller, _project(house, project), wanted)
    _print(done, as_json=as_json, in_project=project is not None)


@app.command()
def deactivate(ctx: typer.Context, certificate: Some, *, project: Project = None, as_json: AsJson = False) -> None:
    """Takes certificates out of force."""
    with opened(ctx) as house:
        wanted = [_id(house, text) for text in certificate]
        done = certificates.deactivate(house.control, house.caller, _project(house, project), wanted)
    _print(done, as_json=as_json, in_project=project is not None)


def _project(house: House, project: str | None) -> str | None:
    return None if project is None else naming.find_project(house.control, house.caller, project).id


def _id(house: House, text: str) -> str:
    every = certificates.list_page(house.control, house.caller, None, limit=1000).items
    named = [item.certificate.id for item in every if item.certificate.name == text]
    return named[0] if len(named) == 1 else text


def _content(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise invalid("file", f"'{file}' cannot be read: {reason}.") from None


def _print(found: list[CertificateView], *, as_json: bool, in_project: bool = False) -> None:
    if as_json:
        output.json([certificate_objects.certificate(item, in_project=in_project) for item in found])
        return
    rows = []
    for item in found:
        one = item.certificate
        active = "active" if item.active else "–"
        rows.append([one.id, one.name, active, output.moment(one.valid_at), output.moment(one.expires_at)])
    output.table(("ID", "NAME", "STATUS", "VALID FROM", "EXPIRES"), rows)
