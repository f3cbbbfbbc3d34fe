"""Every test of the contract runs on every backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from keyhouse.store.contract import Store
from keyhouse.store.opening import open_store
from tests.fixtures.fresh import fresh_store
from tests.store.makers import furnish

Reopen = Callable[[], Store]


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opener(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Reopen]:
    """Opens the test's house again, as another process would; what it opened is closed at the end."""
    url = request.getfixturevalue("postgres_url") if backend == "postgres" else None
    opened: list[Store] = []

    def open_again() -> Store:
        open_it = open_store if opened else fresh_store
        opened.append(open_it(tmp_path / "house", url))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def unchanged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A furnished house for the tests of a module that change nothing."""
    with ExitStack() as stack:
        url = None
        if request.param == "postgres":
            name = stack.enter_context(request.getfixturevalue("postgres_copies").lent())
            url = request.getfixturevalue("postgres").url(name)
        store = fresh_store(tmp_path_factory.mktemp("unchanged") / "house", url)
        furnish(store)
        yield store
        store.close()


@pytest.fixture
def empty_store(opener: Reopen) -> Store:
    """A house with nothing in it."""
    return opener()


@pytest.fixture
def store(empty_store: Store) -> Store:
    """A house with two organizations and their people."""
    furnish(empty_store)
    return empty_store
