"""Options of the whole suite, and the real servers that it runs on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.node import installed_modules
from tests.fixtures.postgres import PostgresServer, postgres_server
from tests.fixtures.postgres_copies import Copies

_LONGEST_FIRST = (
    "tests/e2e/test_kill9.py",
    "tests/docs/test_commands.py",
    "tests/store/test_schema.py",
    "tests/store/test_paging.py",
    "tests/bench/",
    "tests/ledger/",
    "tests/e2e/",
    "tests/store/",
    "tests/upstream/local/",
    "tests/control/",
    "tests/api/",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the proofs in their long form too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=_turn)
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="the long form of a proof: run with --long"))


def _turn(item: pytest.Item) -> int:
    """When a file has its turn: the longest first, so that of two processes neither ends long before the other."""
    path = item.path.relative_to(item.config.rootpath).as_posix()
    return next((n for n, beginning in enumerate(_LONGEST_FIRST) if path.startswith(beginning)), len(_LONGEST_FIRST))


@pytest.fixture
def long_form(request: pytest.FixtureRequest) -> bool:
    """Whether a proof of adjustable length should be long."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The official SDK for Node."""
    return installed_modules()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this session's own."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """A database with the current schema, to be copied: faster than to migrate one for each test."""
    from keyhouse.store.postgres import open_postgres

    name = postgres.create()
    open_postgres(postgres.url(name)).close()
    return name


@pytest.fixture(scope="session")
def postgres_copies(postgres: PostgresServer, postgres_template: str) -> Iterator[Copies]:
    copies = Copies(postgres, postgres_template)
    yield copies
    copies.close()


@pytest.fixture
def postgres_url(postgres: PostgresServer, postgres_copies: Copies) -> Iterator[str]:
    """A database with the current schema, empty."""
    with postgres_copies.lent() as name:
        yield postgres.url(name)
