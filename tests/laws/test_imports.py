"""Who may know whom. The rooms of control and of the data plane meet only in the store."""

from __future__ import annotations

import sys

import pytest

from tests.laws.source import Module, modules

# Room → what of the package it may import, as prefixes of dotted names. A room may always import itself.
ALLOWED = {
    "__init__": (),
    "settings": (),
    "domain": (),
    "store": ("domain",),
    "policy": ("domain", "store.contract"),
    "ledger": ("domain", "store.contract"),
    "upstream": ("domain",),
    "wire": ("domain",),
    "edge": ("domain", "policy", "upstream", "ledger", "wire"),
    "watch": ("domain", "store.contract", "ledger.reports", "ledger.balances"),
    "control": ("domain", "store.contract", "ledger.reports", "ledger.report_query", "policy.peppers"),
    "api": ("control", "domain", "wire"),
    "cli": ("control", "domain", "wire"),
    "app": (
        "api", "cli", "control", "domain", "edge", "ledger", "policy", "settings", "store", "upstream", "watch",
        "wire",
    ),
}  # fmt: skip


def test_every_room_is_in_the_table() -> None:
    assert {module.room for module in modules()} == set(ALLOWED)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_imports_only_what_its_room_may(module: Module) -> None:
    allowed = (*ALLOWED[module.room], module.room)
    strangers = [
        f"{name} (line {line})"
        for name, line in module.imported()
        if name.startswith("keyhouse.") and not _within(name.removeprefix("keyhouse."), allowed)
    ]
    assert not strangers, f"{module.name} may import {', '.join(allowed)}; it imports {', '.join(strangers)}"


def test_domain_is_the_standard_library_alone() -> None:
    found = {
        (module.name, name)
        for module in modules()
        if module.room == "domain"
        for name, _ in module.imported()
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "keyhouse"}
    }
    assert not found


def test_frameworks_stay_out_of_a_call_s_way() -> None:
    """Only the protocol, and its door to ASGI, know uvicorn, so that the walk behind them is free of it; the built-in models' own
    process is another program."""
    frameworks = {"fastapi", "sqlalchemy", "starlette", "typer", "uvicorn"}
    found = {
        module.name
        for module in modules()
        if module.room in {"edge", "ledger", "policy", "upstream"} and not module.name.startswith("upstream/local/")
        for name, _ in module.imported()
        if name.partition(".")[0] in frameworks
    }
    assert "edge/http1" in found
    assert found <= {"edge/asgi", "edge/http1"}


def _within(name: str, allowed: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in allowed)
