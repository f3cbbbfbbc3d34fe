"""A house for each test; in modules that ask for both, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyhouse.store.postgres import open_postgres
from tests.control.houses import House, Template, new_template, open_house
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.postgres_copies import Copies


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "house" in metafunc.fixturenames:
        metafunc.parametrize("house", getattr(metafunc.module, "STORES", ("sqlite",)), indirect=True)


@pytest.fixture(scope="session")
def postgres_house(
    postgres: PostgresServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Template, Copies]]:
    """An initialised house on PostgreSQL, and copies of its database."""
    name = postgres.create(postgres_template)
    folder = tmp_path_factory.mktemp("houses") / "template"
    template = new_template(folder, open_postgres(postgres.url(name)))
    copies = Copies(postgres, name)
    yield template, copies
    copies.close()


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "sqlite":
        opened = open_house(tmp_path / "house")
        yield opened
        opened.store.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    template, copies = request.getfixturevalue("postgres_house")
    with copies.lent() as name:
        opened = open_house(tmp_path / "house", template, lambda _: open_postgres(server.url(name)))
        yield opened
        opened.store.close()
