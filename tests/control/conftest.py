"""A house for each test; in modules that ask for both, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyhouse.store.postgres import open_postgres
from tests.control.houses import House, new_house, open_house


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "house" in metafunc.fixturenames:
        metafunc.parametrize("house", getattr(metafunc.module, "STORES", ("sqlite",)), indirect=True)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "postgres":
        opened = new_house(tmp_path / "house", open_postgres(request.getfixturevalue("postgres_url")))
    else:
        opened = open_house(tmp_path / "house")
    yield opened
    opened.store.close()
