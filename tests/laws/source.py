"""The source as the laws read it: modules by room, parsed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "keyhouse"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """`name` is the path inside the package without `.py` (`edge/relay`); `room` its first part."""

    name: str
    room: str
    path: Path
    text: str
    tree: ast.Module

    def imported(self) -> Iterator[tuple[str, int]]:
        """(dotted name, line) of what is imported, wherever it stands: `from a.b import c` is `a.b.c`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)

    def functions(self) -> Iterator[Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package."""
    return tuple(_read(path) for path in sorted(PACKAGE.rglob("*.py")))


def room(name: str) -> list[Module]:
    return [module for module in modules() if module.room == name]


def _read(path: Path) -> Module:
    name = path.relative_to(PACKAGE).with_suffix("").as_posix()
    text = path.read_text()
    return Module(name, name.partition("/")[0], path, text, ast.parse(text))
