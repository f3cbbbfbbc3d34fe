"""A served house: one for each test, or one for a module whose tests change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.served import Served, serve
from tests.control.houses import open_house


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Served]:
    house = open_house(tmp_path / "served")
    with serve(house) as served:
        yield served
    house.store.close()


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    house = open_house(tmp_path_factory.mktemp("houses") / "served")
    with serve(house) as served:
        yield served
    house.store.close()
