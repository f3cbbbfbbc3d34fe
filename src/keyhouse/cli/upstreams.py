"""`keyhouse upstreams`: where requests go. A key comes from stdin or from the environment, never from the command line."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from keyhouse.cli import output, values
from keyhouse.cli.house import opened, session
from keyhouse.control import naming, objects, upstreams
from keyhouse.control.upstreams import UpstreamFields
from keyhouse.domain.errors import invalid, shown
from keyhouse.domain.upstreams import Upstream

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The upstream's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    ctx: typer.Context,
    name: Name,
    *,
    base_url: Annotated[str, typer.Option(help="Such as https://api.openai.com/v1.")],
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read its key from stdin.")] = False,
    key_env: Annotated[str | None, typer.Option(metavar="VAR", help="Read its key from this variable.")] = None,
    models: Annotated[
        str | None, typer.Option(help="Names and globs with commas. What the upstream lists, if not given.")
    ] = None,
    project: Annotated[str | None, typer.Option(help="Only for calls of this project, by id or name.")] = None,
    ca_file: Annotated[str | None, typer.Option(help="PEM certificates to trust instead of the system's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Adds an upstream, in force at once."""
    key = _key(ctx, key_env, from_stdin=key_stdin)
    with opened(ctx) as house:
        project_id = None if project is None else naming.find_project(house.control, house.caller, project).id
        globs = None if models is None else values.names(models)
        given = UpstreamFields(name, base_url, key, globs, project_id, ca_file)
        added = upstreams.add(house.control, house.caller, given, house.list_models)
    if added.problem is not None:
        output.say(f"Added, but it does not list its models now: {added.problem}")
    _print([added.upstream], as_json=as_json)


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Lists upstreams, by name."""
    with opened(ctx) as house:
        _print(upstreams.list_all(house.control, house.caller), as_json=as_json)


@app.command("test")
def ask(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Asks an upstream for its models."""
    with opened(ctx) as house:
        upstream = upstreams.test(house.control, house.caller, name, house.list_models).upstream
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
        upstream = upstreams.remove(house.control, house.caller, name)
    if as_json:
        output.json(objects.deleted("upstream", upstream.id))
    output.say(f"Removed upstream '{upstream.name}'.")


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


def _print(found: list[Upstream], *, as_json: bool) -> None:
    if as_json:
        output.json([objects.upstream(upstream) for upstream in found])
        return
    heads = ("NAME", "BASE URL", "KEY", "MODELS", "PROJECT")
    output.table(heads, [[u.name, u.base_url, u.key_redacted, ", ".join(u.models), u.project_id] for u in found])
