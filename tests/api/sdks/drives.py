"""The list of drives, each with the operations of OpenAI's contract that it goes through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.api.sdks.drivers import Sdk
from tests.api.served import Served

O = "/v1/organization"  # noqa: E741 - stands in every line
P = f"{O}/projects/{{}}"
R = "/v1/projects/{}"
Drives = Callable[[Sdk, Served], None]


@dataclass(frozen=True)
class Drive:
    name: str
    run: Drives
    operations: frozenset[str]


DRIVES: list[Drive] = []


def drive(*operations: str) -> Callable[[Drives], Drives]:
    """Puts a function into the list. `operations`: `METHOD path`, with `{}` for each parameter, as in the contract's table."""

    def add(run: Drives) -> Drives:
        DRIVES.append(Drive(run.__name__, run, frozenset(operations)))
        return run

    return add


def crud(path: str, *without: str) -> tuple[str, ...]:
    """The five operations of most resources: list, create, retrieve, update, delete."""
    every = (f"GET {path}", f"POST {path}", f"GET {path}/{{}}", f"POST {path}/{{}}", f"DELETE {path}/{{}}")
    return tuple(operation for operation in every if operation not in without)


def ids(found: list[dict[str, object]]) -> list[object]:
    return [item["id"] for item in found]
