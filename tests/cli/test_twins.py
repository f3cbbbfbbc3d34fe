"""Every operation of the administration API has a twin in the terminal: a command that does or shows the same."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from typer.main import get_command

from keyhouse.api import administration
from keyhouse.cli.house import Doors
from keyhouse.cli.main import build

_O = "/v1/organization"
_P = f"{_O}/projects/{{}}"
_R = "/v1/projects/{}"


def _keys(path: str, option: str) -> dict[str, str]:
    verbs = {"GET ": "list", "POST ": "create", "GET /{}": "show", "POST /{}": "update", "DELETE /{}": "delete"}
    verbs |= {f"POST /{{}}/{verb}": verb for verb in ("rotate", "disable", "enable", "revoke")}
    return _rows(path, {asked: f"keys {verb} {option}" for asked, verb in verbs.items()})


def _held(path: str, option: str) -> dict[str, str]:
    verbs = {"GET ": "of", "POST ": "assign", "GET /{}": "of", "DELETE /{}": "unassign"}
    return _rows(path, {asked: f"roles {verb} {option}" for asked, verb in verbs.items()})


def _roles(path: str, option: str = "") -> dict[str, str]:
    return _five(path, "roles", option, create="create", change="update", end="delete")


def _alerts(path: str, option: str = "") -> dict[str, str]:
    return _five(path, "alerts", option, create="create", change="update", end="remove")


def _five(path: str, group: str, option: str, *, create: str, change: str, end: str) -> dict[str, str]:
    verbs = {"GET ": "list", "POST ": create, "GET /{}": "show", "POST /{}": change, "DELETE /{}": end}
    return _rows(path, {asked: f"{group} {verb} {option}" for asked, verb in verbs.items()})


def _limits(path: str, option: str) -> dict[str, str]:
    verbs = {"GET ": "list", "POST ": "set", "POST /{}": "set"}
    return _rows(path, {asked: f"limits {verb} {option}" for asked, verb in verbs.items()})


def _spend_limit(path: str, option: str = "") -> dict[str, str]:
    """The budget of that name."""
    verbs = {"GET ": "show", "POST ": "set", "DELETE ": "remove"}
    return _rows(path, {asked: f"budgets {verb} {option}" for asked, verb in verbs.items()})


def _rows(path: str, verbs: dict[str, str]) -> dict[str, str]:
    return {f"{asked.split(' ')[0]} {path}{asked.split(' ')[1]}": command.strip() for asked, command in verbs.items()}


TWINS = {
    **_keys(f"{_O}/admin_api_keys", "--admin"),
    **_keys(f"{_P}/api_keys", "--project"),
    **_roles(f"{_O}/roles"),
    **_roles(f"{_R}/roles", "--project"),
    **_held(f"{_O}/users/{{}}/roles", "--user"),
    **_held(f"{_O}/groups/{{}}/roles", "--group"),
    **_held(f"{_R}/users/{{}}/roles", "--user --project"),
    **_held(f"{_R}/groups/{{}}/roles", "--group --project"),
    **_alerts(f"{_O}/spend_alerts"),
    **_alerts(f"{_P}/spend_alerts", "--project"),
    **_limits(f"{_O}/rate_limits", "--all-projects"),
    **_limits(f"{_P}/rate_limits", "--project"),
    **_spend_limit(f"{_O}/spend_limit"),
    **_spend_limit(f"{_P}/spend_limit", "--project"),
    **_five(f"{_O}/budgets", "budgets", "", create="set", change="set", end="remove"),
    **_five(f"{_O}/groups", "groups", "", create="create", change="rename", end="delete"),
    **_five(f"{_O}/users", "people", "", create="add", change="update", end="remove"),
    **_five(f"{_P}/service_accounts", "service-accounts", "--project", create="create", change="update", end="delete"),
    f"POST {_P}/service_accounts/{{}}/api_keys": "keys create --service-account --project",
    f"GET {_O}/invites": "invites list",
    f"POST {_O}/invites": "invites create",
    f"GET {_O}/invites/{{}}": "invites show",
    f"DELETE {_O}/invites/{{}}": "invites delete",
    f"GET {_O}/groups/{{}}/users": "groups show",
    f"GET {_O}/groups/{{}}/users/{{}}": "groups show",
    f"POST {_O}/groups/{{}}/users": "groups join",
    f"DELETE {_O}/groups/{{}}/users/{{}}": "groups leave",
    f"GET {_O}/projects": "projects list",
    f"POST {_O}/projects": "projects create",
    f"GET {_P}": "projects show",
    f"POST {_P}": "projects update",
    f"POST {_P}/archive": "projects archive",
    f"GET {_P}/model_permissions": "projects models show",
    f"POST {_P}/model_permissions": "projects models set",
    f"DELETE {_P}/model_permissions": "projects models remove",
    f"GET {_P}/hosted_tool_permissions": "projects tools show",
    f"POST {_P}/hosted_tool_permissions": "projects tools set",
    f"GET {_O}/data_retention": "retention show",
    f"POST {_O}/data_retention": "retention set",
    f"GET {_P}/data_retention": "retention show --project",
    f"POST {_P}/data_retention": "retention set --project",
    f"GET {_P}/users": "people list --project",
    f"GET {_P}/users/{{}}": "people list --project",
    f"POST {_P}/users": "people join --project",
    f"POST {_P}/users/{{}}": "people join --project",
    f"DELETE {_P}/users/{{}}": "people leave --project",
    f"GET {_P}/groups": "groups list --project",
    f"GET {_P}/groups/{{}}": "groups list --project",
    f"POST {_P}/groups": "groups enter --project",
    f"DELETE {_P}/groups/{{}}": "groups exit --project",
    **_five(f"{_O}/certificates", "certificates", "", create="upload", change="rename", end="delete"),
    f"POST {_O}/certificates/activate": "certificates activate",
    f"POST {_O}/certificates/deactivate": "certificates deactivate",
    f"GET {_P}/certificates": "certificates list --project",
    f"POST {_P}/certificates/activate": "certificates activate --project",
    f"POST {_P}/certificates/deactivate": "certificates deactivate --project",
    f"GET {_O}/audit_logs": "audit list",
    f"GET {_O}/costs": "costs",
    f"GET {_O}/usage/{{}}": "usage",
    f"GET {_O}/increase_requests": "limits requests",
    f"GET {_O}/increase_requests/{{}}": "limits requests",
    f"POST {_O}/increase_requests": "limits request",
    f"POST {_O}/increase_requests/{{}}/grant": "limits grant",
    f"POST {_O}/increase_requests/{{}}/deny": "limits deny",
    f"GET {_O}/invoices": "invoices list",
    f"GET {_O}/invoices/{{}}": "invoices show",
    f"GET {_O}/invoices/{{}}/csv": "invoices show --csv",
    f"GET {_O}/invoices/{{}}/pdf": "invoices show --pdf",
    f"POST {_O}/invoices": "invoices issue",
    f"GET {_O}/billing_profile": "invoices profile show",
    f"POST {_O}/billing_profile": "invoices profile set",
    f"GET {_O}/credit_balance": "credit balance",
    f"POST {_O}/credit_grants": "credit grant",
    f"GET {_O}/notices": "notices list",
    f"GET {_O}/notices/{{}}": "notices show",
    f"POST {_O}/webhook_secret": "notices secret",
    **_five(f"{_O}/upstreams", "upstreams", "", create="add", change="update", end="remove"),
    f"POST {_O}/upstreams/{{}}/test": "upstreams test",
    f"GET {_O}/prices": "prices list",
    f"GET {_O}/prices/{{}}": "prices show",
    f"POST {_O}/prices": "prices set",
}
"""Operation → command, with the options that make it this one's. Who is in a group or project, and who holds a role, is shown by
the list that they are in."""


def _operations() -> list[str]:
    routes = administration.read_routes(None)  # type: ignore[arg-type]  # it is kept for requests; none is made here
    every = [f"{operation.method} {operation.path}" for operation in administration.OPERATIONS]
    every += [re.sub(r"(?<=/usage/)\w+", "{kind}", f"GET {route.path}") for route, _ in routes]
    return sorted({re.sub(r"\{\w+\}", "{}", name) for name in every})


@cache
def commands() -> dict[str, frozenset[str]]:
    """Every command of the program, and its options."""

    def nothing(*_: object) -> Any:
        raise AssertionError("no house is opened")

    program: Any = get_command(build(Doors(nothing, nothing, nothing, nothing, nothing, {})))
    context = program.make_context("keyhouse", ["init"], resilient_parsing=True)
    return dict(_below(program, context, ()))


def _below(group: Any, context: Any, words: tuple[str, ...]) -> list[tuple[str, frozenset[str]]]:
    found: list[tuple[str, frozenset[str]]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if hasattr(command, "list_commands"):
            found += _below(command, context, (*words, name))
        else:
            options = frozenset(option for parameter in command.params for option in parameter.opts)
            found.append((" ".join((*words, name)), options))
    return found


@pytest.mark.parametrize("operation", _operations())
def test_every_operation_has_a_twin(operation: str) -> None:
    assert operation in TWINS, (
        f"{operation} has no twin: say in TWINS of tests/cli/test_twins.py which command does the same."
    )
    words = TWINS[operation].split(" --")
    command, options = words[0], {f"--{option}" for option in words[1:]}
    assert command in commands(), f"keyhouse {command} is no command"
    assert options <= commands()[command], (
        f"keyhouse {command} has no {', '.join(sorted(options - commands()[command]))}"
    )


def test_no_twin_is_of_an_operation_that_is_gone() -> None:
    assert sorted(set(TWINS) - set(_operations())) == []
