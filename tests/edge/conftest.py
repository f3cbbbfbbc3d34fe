"""A gateway to knock at, and the loop that it runs on in production."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import pytest_asyncio
import uvloop

from tests.houses import RunningHouse, running_house

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    both = item.path.name in {"test_http1.py", "test_bad_heads.py"}
    return {"uvloop": uvloop.new_event_loop} | ({"asyncio": asyncio.new_event_loop} if both else {})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningHouse]:
    """One gateway for a whole file; it must be as healthy at the end as at the beginning."""
    async with running_house(tmp_path_factory.mktemp("house")) as house:
        yield house
