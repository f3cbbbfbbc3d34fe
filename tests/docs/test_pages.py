"""Pages can be found, their links lead somewhere, and what is generated is up to date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.fences import pages, prose
from tests.laws.source import ROOT
from tools.reference.pages import PAGES

_LINK = re.compile(r"!?\[[^\]]*\]\((?!https?://)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
_ADRS = sorted(path for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", pages())
def test_links_lead_somewhere(page: str) -> None:
    for target, anchor in _links(page):
        assert target.exists(), f"{page} links {target}"
        assert anchor is None or anchor in _anchors(target), f"{page} links {target}#{anchor}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, pending = set(), {ROOT / "README.md"}
    while pending:
        page = pending.pop()
        reached.add(page)
        pending |= {target for target, _ in _links(_name(page)) if target.suffix == ".md"} - reached
    assert not set(pages()) - {_name(page) for page in reached}


def test_decisions_are_numbered_without_gaps_and_indexed_under_their_titles() -> None:
    titles = [path.read_text().partition("\n")[0].removeprefix("# ") for path in _ADRS]
    numbers = [int(path.name[:4]) for path in _ADRS]
    assert numbers == list(range(1, len(_ADRS) + 1))
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    lines = [
        f"{n}. [{title.partition('. ')[2]}]({path.name})" for n, title, path in zip(numbers, titles, _ADRS, strict=True)
    ]
    assert [line for line in index.splitlines() if re.match(r"\d+\. ", line)] == lines


@pytest.mark.parametrize("path", _ADRS, ids=lambda path: path.stem)
def test_a_decision_has_its_context(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"# {int(path.name[:4])}. ")
    assert "\n## Context\n" in text
    assert "\n## Decision\n" in text


def test_the_reference_is_what_the_code_says() -> None:
    folder = ROOT / "docs" / "reference"
    assert {path.name for path in folder.iterdir()} == set(PAGES)
    stale = [name for name, page in PAGES.items() if (folder / name).read_text() != page()]
    assert not stale, f"run `make docs`: {stale}"


def _links(page: str) -> Iterator[tuple[Path, str | None]]:
    here = ROOT / page
    for match in _LINK.finditer(prose(page)):
        yield (here.parent / match["path"]).resolve() if match["path"] else here, match["anchor"]


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", prose(_name(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()
