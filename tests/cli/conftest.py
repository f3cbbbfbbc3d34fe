"""A terminal for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.control.houses import open_house


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    house = open_house(tmp_path / "house")
    yield Terminal(house)
    house.store.close()
