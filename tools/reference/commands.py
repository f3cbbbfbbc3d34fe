"""The commands, as the program itself knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from keyhouse.cli.house import Doors
from keyhouse.cli.main import build
from tools.reference.markdown import code, table


def commands() -> Iterator[str]:
    """A section for each command."""
    program: Any = get_command(build(Doors(_closed, _closed, _closed, _closed, _closed, {})))
    context = program.make_context("keyhouse", ["init"], resilient_parsing=True)
    for name in program.list_commands(context):
        command = program.get_command(context, name)
        below = getattr(command, "commands", None)
        if below is None:
            yield _section(f"keyhouse {name}", command)
        else:
            for verb, single in below.items():
                yield _section(f"keyhouse {name} {verb}", single)


def _section(line: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "data"]
    usage = " ".join([line, *(a.name.upper() if a.required else f"[{a.name.upper()}]" for a in arguments)])
    rows = [(code(a.name.upper()), a.help or "") for a in arguments]
    rows += [(_option(option), _says(option)) for option in options]
    return "\n\n".join([f"## {code(usage)}", command.help, *([table(("given", "is"), rows)] if rows else [])])


def _option(option: Any) -> str:
    names = ", ".join(option.opts)
    return code(names if option.is_flag else f"{names} {option.metavar or option.name.upper().strip('_')}")


def _says(option: Any) -> str:
    return (option.help or "") + (" Required." if option.required else "")


def _closed(*_: object) -> Any:
    raise AssertionError("the reference opens no house")
