"""What has one room only: SQL, the environment, secrets on their way out."""

from __future__ import annotations

import ast
import re

from tests.laws.source import Module, modules

_DATABASES = {"alembic", "pg8000", "sqlalchemy", "sqlite3"}
_SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s.+\sSET|DELETE\s+FROM|CREATE\s+TABLE|PRAGMA)\s", re.DOTALL
)
_SECRET = {
    "admin_key", "api_key", "authorization", "owner_password", "passphrase", "password", "pepper", "secret", "value",
}  # fmt: skip
# Who shows a new secret, the one time that it is shown.
_SHOWN_ONCE = {"cli/first", "cli/output"}


def test_only_the_store_knows_a_database() -> None:
    found = {
        module.name
        for module in modules()
        if module.room != "store"
        for name, _ in module.imported()
        if name.partition(".")[0] in _DATABASES
    }
    assert not found


def test_only_the_store_contains_sql() -> None:
    found = {
        f"{module.name}:{node.lineno}"
        for module in modules()
        if module.room != "store"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value)
    }
    assert not found


def test_the_environment_is_read_by_settings_and_handed_out_by_app() -> None:
    found = {
        module.name
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv", "os.environb"}
    }
    assert {name.partition("/")[0] for name in found} <= {"app", "settings"}


def test_no_secret_is_printed_or_logged() -> None:
    found = {
        f"{module.name}:{call.lineno}"
        for module in modules()
        if module.name not in _SHOWN_ONCE
        for call in _calls_that_tell(module)
        if _mentions_a_secret(call)
    }
    assert not found


def _calls_that_tell(module: Module) -> list[ast.Call]:
    def tells(called: str) -> bool:
        return called in {"print", "typer.echo", "output.say", "_say"} or called.startswith(("_log.", "logging."))

    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    return [call for call in calls if tells(ast.unparse(call.func))]


def _mentions_a_secret(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    names = {node.id for value in given for node in ast.walk(value) if isinstance(node, ast.Name)}
    attributes = {node.attr for value in given for node in ast.walk(value) if isinstance(node, ast.Attribute)}
    return bool((names | attributes | {keyword.arg or "" for keyword in call.keywords}) & _SECRET)
