"""Broad `except` clauses stand at three kinds of border only, and each logs what it caught."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.laws.source import Function, modules

BORDERS = {
    "app/fault_border.__call__": "the edge",
    "edge/relay.serve": "the edge",
    "ledger/journal._guarded": "a background loop",
    "ledger/refusals._run": "a background loop",
    "ledger/rollup._round": "a background loop",
    "policy/changes.follow": "a background loop",
    "watch/audit_notes._run": "a background loop",
    "watch/notices._round": "a background loop",
    "watch/outbox._attempt": "a background loop",
    "cli/main.invoke": "the command line",
}
_BROAD = {"BaseException", "Exception"}


def test_broad_handlers_stand_at_the_borders_only() -> None:
    assert {place for place, _ in _broad_handlers()} == set(BORDERS)


def test_every_border_logs_what_it_caught() -> None:
    silent = [place for place, handler in _broad_handlers() if not _logs(handler)]
    assert not silent


def _broad_handlers() -> Iterator[tuple[str, ast.ExceptHandler]]:
    for module in modules():
        for function in module.functions():
            for handler in _handlers(function):
                if handler.type is None or _names(handler.type) & _BROAD:
                    yield f"{module.name}.{function.name}", handler


def _handlers(function: Function) -> Iterator[ast.ExceptHandler]:
    """The handlers of a function's own, not those of functions inside it."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.ExceptHandler):
            yield node
        if not isinstance(node, Function):
            pending += ast.iter_child_nodes(node)


def _names(node: ast.expr) -> set[str]:
    return {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}


def _logs(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == "exception" for node in ast.walk(handler))
