"""Names that pages drop in passing exist: settings, commands, error codes, files."""

from __future__ import annotations

import re

import pytest

from keyhouse import settings
from keyhouse.cli.main import ENTRIES
from keyhouse.domain.errors import ErrorCode
from tests.docs.fences import pages
from tests.laws.source import PACKAGE, ROOT
from tests.laws.test_imports import ALLOWED

_READ = [page for page in pages() if not page.startswith("docs/reference/")]
_TEST_VARIABLES = {"KEYHOUSE_TEST_CACHE", "KEYHOUSE_TEST_SEED"}


def _text(page: str) -> str:
    return (ROOT / page).read_text()


@pytest.mark.parametrize("page", _READ)
def test_settings_exist(page: str) -> None:
    known = {name for name, _, _ in settings.described()} | _TEST_VARIABLES
    named = set(re.findall(r"\bKEYHOUSE_[A-Z_]*[A-Z]\b(?!_)", _text(page)))
    assert named <= known


@pytest.mark.parametrize("page", _READ)
def test_commands_exist(page: str) -> None:
    named = set(re.findall(r"(?:`|^|\$ |\()keyhouse ([a-z][a-z-]+)", _text(page), re.MULTILINE))
    assert named <= set(ENTRIES)


@pytest.mark.parametrize("page", _READ)
def test_error_codes_exist(page: str) -> None:
    known = {error.code for error in ErrorCode}
    named = set(re.findall(r"\b[45]\d\d `([a-z_]+)`", _text(page)))
    assert named <= known


@pytest.mark.parametrize("page", _READ)
def test_source_files_exist(page: str) -> None:
    """`edge/relay.py` is in the package; a path that begins with a folder of the repository is in that."""
    named = set(re.findall(r"`([\w./]+/[\w]+\.(?:py|sh|json|txt))`", _text(page)))
    assert not [name for name in named if not (ROOT / name).exists() and not (PACKAGE / name).exists()]


def test_the_map_has_every_room() -> None:
    drawn = set(re.findall(r"^\| `(\w+)(?:/|\.py)` \|", _text("ARCHITECTURE.md"), re.MULTILINE))
    assert drawn == set(ALLOWED) - {"__init__"}
