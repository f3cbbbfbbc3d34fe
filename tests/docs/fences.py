"""Code fences of the pages that people read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.laws.source import ROOT

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Fence:
    """`excuse` is why it is not run here: what follows `notest:` behind the language."""

    page: str
    language: str
    excuse: str
    code: str


def pages() -> list[str]:
    """Every page, relative to the repository."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def fences(page: str) -> list[Fence]:
    return [_fence(page, match["info"], match["code"]) for match in _FENCE.finditer((ROOT / page).read_text())]


def prose(page: str) -> str:
    """The page without its fences."""
    return _FENCE.sub("", (ROOT / page).read_text())


def _fence(page: str, info: str, code: str) -> Fence:
    language, _, rest = info.strip().partition(" ")
    return Fence(page, language, rest.partition("notest:")[2].strip(), code)
