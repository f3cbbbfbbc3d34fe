"""Commands whose modules are imported when they are run: `keyhouse --help` imports none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command

from keyhouse.cli.house import Session, session


def _remember(ctx: typer.Context, value: Path | None) -> Path | None:
    if value is not None:
        session(ctx).data = value
    return value


def _enter(ctx: typer.Context, value: str | None) -> str | None:
    if value is not None:
        session(ctx).organization = value
    return value


Data = Annotated[Path | None, typer.Option(metavar="DIR", help="The data directory.", callback=_remember)]
"""`--data`, which every command has and the session keeps."""
Organization = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The organization to work in, by name or id; the one that runs the house.", callback=_enter
    ),
]
"""`--organization`, which every command has that works inside one, and the session keeps."""


class Entry(NamedTuple):
    """A command of the program: the module of `keyhouse.cli` that has it, and its line in the help. A group's module has it
    as `app`; several single commands may share a module. `inside`: it works inside an organization, which may be named."""

    module: str
    help: str
    group: bool = True
    inside: bool = True


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and line of help alone. Subclasses set `entries`."""

    entries: dict[str, Entry]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base's signature
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        running = session(ctx)
        if running.organization is not None and not entry.inside:
            raise typer.BadParameter(f"keyhouse {cmd_name} works on the whole house.", param_hint="'--organization'")
        command: Any = get_command(_typer_of(entry, running))
        if not entry.group:
            command = command.commands[cmd_name]
        command.name = cmd_name
        return _with(command, _SHARED if entry.inside else _SHARED[:1])

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])


def _typer_of(entry: Entry, running: Session) -> typer.Typer:
    module = import_module(f"keyhouse.cli.{entry.module}")
    register: Callable[..., None] | None = getattr(module, "register", None)
    if register is None:
        app: typer.Typer = module.app
        return app
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    register(app, running.pair)
    return app


_SHARED = ("data", "organization")


def _with(command: Any, names: Sequence[str]) -> Any:
    """The command, and the commands below it, with these options: they may stand anywhere on the line."""
    for below in getattr(command, "commands", {}).values():
        _with(below, names)
    command.params += _shared_options(names)
    return command


def _shared_options(names: Sequence[str]) -> list[Any]:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)

    @app.command()
    def _carrier(data: Data = None, organization: Organization = None) -> None: ...

    options = [param for param in get_command(app).params if param.name in names]
    for option in options:
        option.expose_value = False
    return options
