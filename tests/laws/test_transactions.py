"""A mutation and its audit event are adjacent lines in one transaction."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.laws.source import room

_FAMILIES = {
    "billing_profiles", "budgets", "credit_grants", "groups", "increases", "invites", "invoices", "keys",
    "organizations", "people", "prices", "project_members", "projects", "rate_limits", "role_assignments", "roles",
    "service_accounts", "settings", "spend_alerts", "tags", "upstreams", "webhook_secrets",
}  # fmt: skip
_READS = {
    "all", "by_email", "by_name", "find_secret", "get", "get_member", "list", "members", "of_house", "owners", "values",
    "versions",
}  # fmt: skip


def test_every_mutation_is_followed_by_its_audit_event() -> None:
    mutations, alone = 0, []
    for module in room("control"):
        for block in _blocks(module.tree):
            for at, statement in enumerate(block):
                if _is_mutation(statement):
                    mutations += 1
                    if not _is_audit(_next_of_another_kind(block, at)):
                        alone.append(f"{module.name}:{statement.lineno}")
    assert mutations > 10
    assert not alone


def test_only_control_and_the_gateway_s_own_bookkeeping_write_to_the_store() -> None:
    """`store.write()` elsewhere would be a mutation that no audit event stands beside."""
    writers = {
        f"{place}/{module.name.partition('/')[2]}"
        for place in ("api", "app", "cli", "edge", "ledger", "policy", "upstream", "watch", "wire")
        for module in room(place)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr == "write" and ast.unparse(node.value).endswith("store")
    }
    assert writers == {
        "ledger/refusals", "ledger/rollup", "policy/idempotency", "watch/audit_notes", "watch/notices", "watch/outbox",
        "watch/signing",
        "watch/spend_alerts",
    }  # fmt: skip


def _blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and not _is_loop_of_mutations(node):
                yield block


def _next_of_another_kind(block: list[ast.stmt], at: int) -> ast.stmt | None:
    return next((statement for statement in block[at:] if not _is_mutation(statement)), None)


def _is_mutation(statement: ast.stmt) -> bool:
    """`tx.keys.save(…)`, or a loop of nothing else."""
    if _is_loop_of_mutations(statement):
        return True
    called = _called(statement)
    return called is not None and called[0] in _FAMILIES and called[1] not in _READS


def _is_loop_of_mutations(node: ast.AST) -> bool:
    return isinstance(node, ast.For) and all(_is_mutation(statement) for statement in node.body)


def _is_audit(statement: ast.stmt | None) -> bool:
    return statement is not None and _called(statement) == ("audit", "append")


def _called(statement: ast.stmt) -> tuple[str, str] | None:
    """(family, verb) of a statement `tx.family.verb(…)`."""
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return None
    parts = ast.unparse(statement.value.func).split(".")
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == "tx" else None
