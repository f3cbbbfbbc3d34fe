"""Options of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the proofs in their long form too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="the long form of a proof: run with --long"))


@pytest.fixture
def long_form(request: pytest.FixtureRequest) -> bool:
    """Whether a proof of adjustable length should be long."""
    return bool(request.config.getoption("--long"))
