"""What stands in no file of the repository."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

from tests.laws.source import ROOT

# Written in pieces, so that this file keeps its own law.
_REGISTRIES = re.compile(
    r"py" r"pi\.|python" r"hosted\.|npm" r"js\.|npm" r"mirror\.|proxy\.gol" r"ang\.|crates" r"\.io"
)
_MACHINE_PATHS = re.compile(r"(?<![\w.:/-])/(?:work|root|home|Users)/[\w.-]")


def test_no_registry_is_named() -> None:
    """Where packages come from is the installer's configuration, never ours."""
    assert not _found(_REGISTRIES)


def test_no_path_of_somebody_s_machine_is_named() -> None:
    assert not _found(_MACHINE_PATHS)


def _found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path, text in _texts()
        if (match := pattern.search(text)) is not None
    ]


@cache
def _texts() -> list[tuple[Path, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    contents = [(path, path.read_bytes()) for path in paths if path.is_file()]
    return [(path, data.decode()) for path, data in contents if b"\0" not in data]
