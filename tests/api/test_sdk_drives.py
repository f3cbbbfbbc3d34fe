"""OpenAI's official SDKs drive every served operation of the contract: the one for Python, with strict validation, and Node's."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from keyhouse.api import document
from tests.api.sdks import people, things
from tests.api.sdks.drivers import NodeSdk, PythonSdk, node
from tests.api.sdks.drives import DRIVES, Drive
from tests.api.served import Served
from tests.fixtures.node import NODE

__all__ = ["people", "things"]


@cache
def contract() -> frozenset[str]:
    """The operations of OpenAI's contract: `METHOD path`, with `{}` for each parameter."""
    return frozenset(
        json.loads((Path(__file__).parent / "data" / "openai_administration.json").read_text())["operations"]
    )


@cache
def served() -> frozenset[str]:
    return contract() & {re.sub(r"\{\w+\}", "{}", " ".join(operation)) for operation in document.served()}


def served_drives() -> list[Drive]:
    """A drive waits until all that it goes through is served."""
    return [one for one in DRIVES if one.operations <= served()]


@pytest.fixture(scope="module")
def node_process(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    with node(NODE or "", node_modules, tmp_path_factory.mktemp("node")) as process:
        yield process


def test_every_served_operation_is_driven() -> None:
    driven = frozenset[str]().union(*(one.operations for one in served_drives()))
    assert sorted(served() - driven) == [], (
        "An operation of the contract is served and in no drive: add one to tests/api/sdks/people.py or things.py, or, where one"
        " waits for what is not served yet, take that out of it."
    )


def test_drives_name_operations_of_the_contract() -> None:
    assert [sorted(one.operations - contract()) for one in DRIVES if one.operations - contract()] == []


@pytest.mark.parametrize("one", served_drives(), ids=lambda one: one.name)
def test_the_sdk_for_python_drives(api: Served, one: Drive) -> None:
    sdk = PythonSdk(api)
    one.run(sdk, api)
    sdk.close()
    assert sorted(one.operations - {operation_of(*asked) for asked in sdk.asked}) == []


@pytest.mark.skipif(NODE is None, reason="this machine has no Node")
@pytest.mark.parametrize("one", served_drives(), ids=lambda one: one.name)
def test_the_sdk_for_node_drives(api: Served, one: Drive, node_process: subprocess.Popen[str]) -> None:
    sdk = NodeSdk(api, node_process)
    one.run(sdk, api)
    assert sorted(one.operations - {operation_of(*asked) for asked in sdk.asked}) == []


def operation_of(method: str, path: str) -> str:
    """The contract's name of what was asked: of several that fit, the one with the fewest parameters."""
    fitting = [
        name
        for name in contract()
        if re.fullmatch(re.escape(name).replace(r"\{\}", "[^/]+"), f"{method} {path}") is not None
    ]
    return min(fitting, key=lambda name: name.count("{}"))
