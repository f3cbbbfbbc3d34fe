"""What fits in the eye."""

from __future__ import annotations

from statistics import median, quantiles

import pytest

from tests.laws.source import ROOT, modules

MOST_LINES = 400
MEDIAN_LINES = 120
FUNCTION_P90 = 35
LONGEST_FUNCTION = 60

_FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("src", "tests", "bench", "tools")
    for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("file", _FILES)
def test_no_file_is_too_long(file: str) -> None:
    assert len((ROOT / file).read_text().splitlines()) <= MOST_LINES


def test_half_of_the_files_are_short() -> None:
    assert median(len(module.text.splitlines()) for module in modules()) <= MEDIAN_LINES


def test_functions_are_short() -> None:
    lengths = {
        f"{module.name}.{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for module in modules()
        for function in module.functions()
    }
    assert quantiles(lengths.values(), n=10)[-1] <= FUNCTION_P90
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION}
