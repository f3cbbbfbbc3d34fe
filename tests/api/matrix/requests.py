"""What is asked of each route: paths with objects in them, queries, and bodies of what a route takes at least."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.api.pem import authority

Objects = dict[str, str]
"""Ids of what lies in one place, by what it is: `project`, `key`, `user`, `alert` …; `name` is that of a new one."""

_O = "/v1/organization"
_P = "/v1/organization/projects/{project_id}"
_R = "/v1/projects/{project_id}"
_ALERT: Any = {
    "threshold_amount": 1000,
    "currency": "USD",
    "interval": "month",
    "notification_channel": {"type": "email", "recipients": ["alice@example.com"]},
}
_LIMIT: Any = {"threshold_amount": 1000, "currency": "USD", "interval": "month"}
_MODEL_LIMIT: Any = {"model": "gpt-4o", "max_requests_per_1_minute": 5}


@cache
def _authority(_: str) -> str:
    """One for each name."""
    return authority()


def _certificates(objects: Objects) -> Any:
    return {"certificate_ids": [objects["certificate"]]}


BODIES: dict[str, Callable[[Objects], Any]] = {
    f"{_O}/admin_api_keys": lambda o: {"name": o["name"]},
    f"{_O}/admin_api_keys/{{key_id}}": lambda _: {"name": "renamed"},
    f"{_O}/billing_profile": lambda _: {"note": "n"},
    f"{_O}/budgets": lambda o: {"name": o["name"], "amount": "5", "interval": "month", "project_id": o["project"]},
    f"{_O}/budgets/{{budget_id}}": lambda _: {"amount": "6"},
    f"{_O}/certificates": lambda o: {"certificate": _authority(o["name"])},
    f"{_O}/certificates/{{certificate_id}}": lambda _: {"name": "renamed"},
    f"{_O}/certificates/activate": _certificates,
    f"{_O}/certificates/deactivate": _certificates,
    f"{_O}/credit_grants": lambda _: {"amount": "5"},
    f"{_O}/groups": lambda o: {"name": o["name"]},
    f"{_O}/groups/{{group_id}}": lambda _: {"name": "renamed"},
    f"{_O}/groups/{{group_id}}/roles": lambda o: {"role_id": o["role"]},
    f"{_O}/groups/{{group_id}}/users": lambda o: {"user_id": o["user"]},
    f"{_O}/increase_requests": lambda o: {
        "project_id": o["project"],
        "model": "gpt-4o",
        "rate_limits": {"max_requests_per_1_minute": 9},
        "reason": "r",
    },
    f"{_O}/invites": lambda o: {"email": f"{o['name']}@example.com".replace(" ", ""), "role": "member", "projects": []},
    f"{_O}/data_retention": lambda _: {"retention_type": "zero_data_retention"},
    f"{_O}/invoices": lambda _: {"month": "2026-01"},
    f"{_O}/prices": lambda _: {"model": "gpt-4o", "input": "1", "output": "2"},
    f"{_O}/projects": lambda o: {"name": o["name"]},
    f"{_O}/rate_limits": lambda _: _MODEL_LIMIT,
    f"{_O}/rate_limits/{{rate_limit_id}}": lambda _: {"max_requests_per_1_minute": 6},
    f"{_O}/roles": lambda o: {"role_name": o["name"], "permissions": []},
    f"{_O}/roles/{{role_id}}": lambda _: {"role_name": "renamed"},
    f"{_O}/spend_alerts": lambda _: _ALERT,
    f"{_O}/spend_alerts/{{alert_id}}": lambda _: _ALERT,
    f"{_O}/spend_limit": lambda _: _LIMIT,
    f"{_O}/upstreams": lambda o: {
        "name": o["name"].replace(" ", "-"),
        "base_url": "http://127.0.0.1:9/v1",
        "models": ["m"],
    },
    f"{_O}/upstreams/{{upstream_id}}": lambda _: {"name": "renamed"},
    f"{_O}/users": lambda _: {"email": "new@example.com", "name": "New", "role": "member"},
    f"{_O}/users/{{user_id}}": lambda _: {"technical_level": "expert"},
    f"{_O}/users/{{user_id}}/roles": lambda o: {"role_id": o["role"]},
    _P: lambda _: {"name": "renamed"},
    f"{_P}/api_keys": lambda o: {"name": o["name"]},
    f"{_P}/api_keys/{{key_id}}": lambda _: {"name": "renamed"},
    f"{_P}/certificates/activate": _certificates,
    f"{_P}/certificates/deactivate": _certificates,
    f"{_P}/groups": lambda o: {"group_id": o["group"], "role": o["project_role"]},
    f"{_P}/data_retention": lambda _: {"retention_type": "zero_data_retention"},
    f"{_P}/hosted_tool_permissions": lambda _: {"mcp": {"enabled": False}},
    f"{_P}/model_permissions": lambda _: {"mode": "deny_list", "model_ids": ["o3"]},
    f"{_P}/rate_limits": lambda _: _MODEL_LIMIT,
    f"{_P}/rate_limits/{{rate_limit_id}}": lambda _: {"max_requests_per_1_minute": 6},
    f"{_P}/service_accounts": lambda o: {"name": o["name"]},
    f"{_P}/service_accounts/{{account_id}}": lambda _: {"name": "renamed"},
    f"{_P}/service_accounts/{{account_id}}/api_keys": lambda o: {"name": o["name"]},
    f"{_P}/spend_alerts": lambda _: _ALERT,
    f"{_P}/spend_alerts/{{alert_id}}": lambda _: _ALERT,
    f"{_P}/spend_limit": lambda _: _LIMIT,
    f"{_P}/users": lambda o: {"user_id": o["outsider"], "role": "viewer"},
    f"{_P}/users/{{user_id}}": lambda _: {"role": "viewer"},
    f"{_R}/groups/{{group_id}}/roles": lambda o: {"role_id": o["project_role"]},
    f"{_R}/roles": lambda o: {"role_name": o["name"], "permissions": []},
    f"{_R}/roles/{{role_id}}": lambda _: {"role_name": "renamed"},
    f"{_R}/users/{{user_id}}/roles": lambda o: {"role_id": o["project_role"]},
}
"""By path; a route that is not here is asked without a body."""

QUERIES = {
    f"GET {_O}/budgets": "project_id={project}",
    f"GET {_O}/costs": "start_time=1&project_ids={project}",
    f"GET {_O}/usage/{{kind}}": "start_time=1&project_ids={project}",
}
_IN_ORGANIZATION = {"key_id": "admin_key"}
_IN_PROJECTS = {
    "key_id": "key",
    "role_id": "project_role",
    "alert_id": "project_alert",
    "rate_limit_id": "project_limit",
}
_PARAMETER = re.compile(r"\{(\w+)\}")


def query(method: str, path: str, project: str) -> str:
    path = re.sub(r"(?<=/usage/)\w+", "{kind}", path)
    return QUERIES.get(f"{method} {path}", "").format(project=project)


def parameters(path: str) -> list[str]:
    """The names in a path's braces, but for the project."""
    return [name for name in _PARAMETER.findall(path) if name != "project_id"]


def kinds(path: str) -> list[str]:
    """What a path's parameters name, but for the project, in the words of `Objects`."""
    special = _IN_PROJECTS if "{project_id}" in path else _IN_ORGANIZATION
    return [special.get(name, name.removesuffix("_id")) for name in parameters(path)]


def filled(path: str, project: str, objects: Objects) -> str:
    """The path with ids; an object that nobody made has an id that names nothing."""
    for name, kind in zip(parameters(path), kinds(path), strict=True):
        path = path.replace(f"{{{name}}}", objects.get(kind, f"none_{name}"))
    return path.replace("{project_id}", project)
