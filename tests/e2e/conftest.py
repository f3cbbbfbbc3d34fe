"""Real houses, a scriptable upstream behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.house import House, copied, initialised
from tests.e2e.upstream import KEY, FakeUpstream

NewHouse = Callable[..., House]


@pytest.fixture(scope="session")
def upstream() -> Iterator[FakeUpstream]:
    upstream = FakeUpstream()
    upstream.start()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> House:
    """A house that is not running, with the upstream behind the models `fake-*`."""
    house = initialised(tmp_path_factory.mktemp("template") / "house")
    house.do(
        "upstreams", "add", "fake", "--base-url", upstream.base_url, "--models", "fake-*", "--key-stdin", given=KEY
    )
    return house


@pytest.fixture
def new_house(template: House, tmp_path: Path) -> Iterator[NewHouse]:
    """Makes houses of the test's own, as copies of the template; settings are given by name. They end with the test."""
    made: list[House] = []

    def make(kind: type[House] = House, **settings: str) -> House:
        made.append(copied(template, tmp_path / f"house{len(made)}", kind, **settings))
        return made[-1]

    yield make
    for house in made:
        house.close()


@pytest.fixture(scope="session")
def house(template: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One running house for every test that leaves it as it was."""
    house = copied(template, tmp_path_factory.mktemp("shared") / "house")
    house.start()
    yield house
    house.close()
