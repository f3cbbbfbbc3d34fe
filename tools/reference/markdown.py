"""The little Markdown that generated pages are made of."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence


def page(title: str, source: str, *parts: str) -> str:
    """A page; `source` is the file that it is generated from. Parts may be indented as docstrings are."""
    note = f"<!-- Generated from {source}: change that, then run `make docs`. -->"
    return "\n\n".join([f"# {title}", note, *(inspect.cleandoc(part) for part in parts)]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
