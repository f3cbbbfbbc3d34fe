"""`keyhouse upstreams`: where requests go. A key comes from stdin or from the environment, never from the command line."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from msgspec import UNSET

from keyhouse.cli import output, values
from keyhouse.cli.house import House, opened, session
from keyhouse.control import naming, objects, upstreams
from keyhouse.control.context import Caller, Control
from keyhouse.control.pages import every
from keyhouse.control.upstream_fields import UpstreamFields
from keyhouse.domain.errors import invalid, shown
from keyhouse.domain.upstreams import Upstream

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

NewName = Annotated[str, typer.Argument(metavar="NAME", help="The upstream's name.")]
Name = Annotated[str, typer.Argument(metavar="UPSTREAM", help="The upstream, by name or id.")]
KeyStdin = Annotated[bool, typer.Option("--key-stdin", help="Read its key from stdin.")]
KeyEnv = Annotated[str | None, typer.Option(metavar="VAR", help="Read its key from this variable.")]
Project = Annotated[str | None, typer.Option(help="Only for calls of this project, by id or name.")]
CaFile = Annotated[str | None, typer.Option(help="PEM certificates to trust instead of the system's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    ctx: typer.Context,
    name: NewName,
    *,
    base_url: Annotated[str, typer.Option(help="Such as https://api.openai.com/v1.")],
    key_stdin: KeyStdin = False,
    key_env: KeyEnv = None,
    models: Annotated[
        str | None, typer.Option(help="Names and globs with commas. What the upstream lists, if not given.")
    ] = None,
    project: Project = None,
    ca_file: CaFile = None,
    as_json: AsJson = False,
) -> None:
    """Adds an upstream, in force at once."""
    key = _key(ctx, key_env, from_stdin=key_stdin)
    with opened(ctx) as house:
        globs = None if models is None else values.names(models)
        given = UpstreamFields(name, base_url, key, globs, _project_id(house, project), ca_file)
        added = upstreams.add(house.control, house.caller, given, house.control.list_models)
    _print_kept(added, "Added", as_json=as_json)


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Lists upstreams, in the order in which they are asked."""
    with opened(ctx) as house:
        _print(every_upstream(house.control, house.caller), as_json=as_json)


@app.command()
def show(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Shows an upstream, never its key."""
    with opened(ctx) as house:
        found = upstreams.show(house.control, house.caller, _id(house, name))
    _print([found], as_json=as_json, alone=True)


@app.command()
def update(
    ctx: typer.Context,
    name: Name,
    *,
    new_name: Annotated[str | None, typer.Option("--name", help="Another name.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Another server; its key is given with it.")] = None,
    key_stdin: KeyStdin = False,
    key_env: KeyEnv = None,
    no_key: Annotated[bool, typer.Option("--no-key", help="It needs no key.")] = False,
    models: Annotated[str | None, typer.Option(help="Names and globs with commas.")] = None,
    listed_models: Annotated[bool, typer.Option("--listed-models", help="Those that it lists now.")] = False,
    project: Project = None,
    any_project: Annotated[bool, typer.Option("--any-project", help="For calls of all projects.")] = False,
    ca_file: CaFile = None,
    as_json: AsJson = False,
) -> None:
    """Changes an upstream, in force at once."""
    _refuse_both("--no-key", no_key, "--key-stdin", key_stdin or key_env is not None)
    _refuse_both("--listed-models", listed_models, "--models", models is not None)
    _refuse_both("--any-project", any_project, "--project", project is not None)
    key = _key(ctx, key_env, from_stdin=key_stdin)
    with opened(ctx) as house:
        given = UpstreamFields(
            name=UNSET if new_name is None else new_name,
            base_url=UNSET if base_url is None else base_url,
            key=key if no_key or key is not None else UNSET,
            models=None if listed_models else UNSET if models is None else values.names(models),
            project_id=None if any_project else _project_id(house, project) or UNSET,
            ca_file=UNSET if ca_file is None else ca_file,
        )
        list_models = house.control.list_models
        changed = upstreams.update(house.control, house.caller, _id(house, name), given, list_models)
    _print_kept(changed, "Changed", as_json=as_json)


@app.command("test")
def ask(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Asks an upstream for its models."""
    with opened(ctx) as house:
        tested = upstreams.test(house.control, house.caller, _id(house, name), house.control.list_models)
    upstream = tested.upstream
    if as_json:
        output.json(objects.upstream(upstream))
        return
    output.table(("MODEL",), [[model] for model in upstream.listed_models])
    count = len(upstream.listed_models)
    output.say(f"Upstream '{upstream.name}' answers and lists {count:,} model{'' if count == 1 else 's'}.")


@app.command()
def remove(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Removes an upstream: no new call goes there."""
    with opened(ctx) as house:
        upstream = upstreams.remove(house.control, house.caller, _id(house, name))
    if as_json:
        output.json(objects.deleted("upstream", upstream.id))
    output.say(f"Removed upstream '{upstream.name}'.")


def every_upstream(control: Control, caller: Caller) -> list[Upstream]:
    """All of them, page by page."""
    return list(every(lambda cut: upstreams.list_page(control, caller, after=cut.after, limit=cut.limit), _id_of))


def _id_of(upstream: Upstream) -> str:
    return upstream.id


def _id(house: House, text: str) -> str:
    return naming.find_upstream(house.control, house.caller, text).id


def _project_id(house: House, project: str | None) -> str | None:
    return None if project is None else naming.find_project(house.control, house.caller, project).id


def _refuse_both(one: str, one_given: bool, other: str, other_given: bool) -> None:
    if one_given and other_given:
        raise invalid(one, f"'{one}' and '{other}' exclude each other.")


def _key(ctx: typer.Context, variable: str | None, *, from_stdin: bool) -> str | None:
    if from_stdin and variable is not None:
        raise invalid("--key-stdin", "'--key-stdin' and '--key-env' exclude each other.")
    if from_stdin:
        return sys.stdin.readline().strip()
    if variable is None:
        return None
    key = session(ctx).doors.environ.get(variable)
    if not key:
        raise invalid("--key-env", f"The environment has no variable '{shown(variable)}', or it is empty.")
    return key


def _print_kept(kept: upstreams.Tested, done: str, *, as_json: bool) -> None:
    if kept.problem is not None:
        output.say(f"{done}, but it does not list its models now: {kept.problem}")
    _print([kept.upstream], as_json=as_json)


def _print(found: list[Upstream], *, as_json: bool, alone: bool = False) -> None:
    if as_json:
        shown_ = [objects.upstream(upstream) for upstream in found]
        output.json(shown_[0] if alone else shown_)
        return
    heads = ("NAME", "BASE URL", "KEY", "MODELS", "PROJECT")
    output.table(heads, [[u.name, u.base_url, u.key_redacted, ", ".join(u.models), u.project_id] for u in found])
