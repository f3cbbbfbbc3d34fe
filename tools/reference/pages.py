"""One function per page."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import msgspec

from keyhouse import settings
from keyhouse.api import administration, usage
from keyhouse.control.usage import COSTS, USAGE
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import OF_HOUSE, PREDEFINED, Permission
from keyhouse.domain.errors import ErrorCode
from keyhouse.domain.event_types import OURS
from keyhouse.domain.operations import OPERATIONS, Metering
from keyhouse.domain.permissions import Access, Resource, scope
from tools.reference.commands import commands
from tools.reference.markdown import code, page, table


def settings_page() -> str:
    rows = [
        (code(name), default if default == "not set" else code(default), says)
        for name, default, says in settings.described()
    ]
    return page(
        "Settings",
        "src/keyhouse/settings.py",
        """
        Every setting is a variable of the environment. `--host`, `--port`, `--workers`, `--no-local-model` and
        `--data` on the command line win over it. A value that cannot be used ends the start with a sentence; a
        variable whose name is nearly a setting's is warned about.
        """,
        table(("variable", "default", "what it is"), rows),
    )


def errors_page() -> str:
    rows = [(code(error.code), str(error.status), code(error.type), error.when) for error in ErrorCode]
    return page(
        "Errors",
        "src/keyhouse/domain/errors.py",
        """
        A refusal has OpenAI's shape, so that its SDKs raise their own exceptions for it:

        ```json
        {"error": {"message": "a sentence", "type": "invalid_request_error", "param": null, "code": "invalid_api_key"}}
        ```

        An upstream's own 4xx and 5xx keep their status and, where it is JSON, their body; its 401 and 403 become
        `upstream_error`, because the key that failed there was not the caller's. A stream that fails midway ends with
        an event of this shape and without `[DONE]`.
        """,
        table(("code", "status", "type", "when"), rows),
    )


def events_page() -> str:
    return page(
        "Audit events",
        "src/keyhouse/domain/event_types.py",
        """
        What the [audit log](../audit.md) tells. Filters take all of OpenAI's types, also those of things that Keyhouse has not:
        they never happen here. For those marked Keyhouse's OpenAI has no type.
        """,
        table(("type", "whose"), [(code(e.value), "Keyhouse's" if e in OURS else "OpenAI's") for e in EventType]),
    )


def permissions_page() -> str:
    used: dict[Resource, list[str]] = {}
    for operation in OPERATIONS:
        used.setdefault(operation.resource, []).append(code(f"{operation.method} {operation.path}"))
    rows = [
        (
            code(resource.value),
            code(scope(resource, Access.READ)),
            code(scope(resource, Access.WRITE)),
            ", ".join(used.get(resource, [])) or "–",
        )
        for resource in Resource
    ]
    return page(
        "Permissions",
        "src/keyhouse/domain/permissions.py and authority.py",
        "## Of keys that call models",
        """
        `permissions` of a key is `"all"`, `"read_only"` (reads; no model is called), or an object `{resource: "none" |
        "read" | "write"}` in which an absent resource is `none`. Write includes read. A resource without an operation
        can be granted already; nothing is served under it yet.
        """,
        table(("resource", "read", "write", "operations served now"), rows),
        "## Of people and admin keys",
        """
        What roles grant: those that are predefined, and those that somebody makes of these permissions. A role of one project
        can grant only what is about projects. What is about the house only `owner` grants, and only in the organization that
        [runs the house](../organizations.md#what-is-the-houses).
        """,
        table(("permission", "about", "predefined roles that grant it"), _role_rows()),
    )


def _role_rows() -> list[tuple[str, str, str]]:
    named = [(f"{role.kind.value.removeprefix('api.')} {role.name}", role) for role in PREDEFINED]
    return [
        (
            code(permission.value),
            "the house" if permission in OF_HOUSE else "projects" if permission.of_projects else "the organization",
            ", ".join(name for name, role in named if permission in role.permissions),
        )
        for permission in sorted(Permission, key=lambda one: one.value)
    ]


_METERED = {
    Metering.CHAT: "prompt and completion tokens",
    Metering.COMPLETION: "prompt and completion tokens",
    Metering.EMBEDDING: "prompt tokens",
    Metering.FREE: "nothing: Keyhouse answers by itself",
}


def operations_page() -> str:
    rows = [
        (code(o.name), code(f"{o.method} {o.path}"), code(scope(o.resource, o.access)), _METERED[o.metering])
        for o in OPERATIONS
    ]
    return page(
        "Operations of the data plane",
        "src/keyhouse/domain/operations.py",
        "What is not in this table is refused with 404 or 405. A model's id may stand for `{id}`, slashes and all.",
        table(("name in usage rows", "request", "scope", "what is counted"), rows),
    )


def http_api_page() -> str:
    rows = [
        (code(f"{o.method} {o.path}"), _codes(o.query), _codes(_fields(o.body)))
        for o in sorted(administration.OPERATIONS, key=lambda o: o.path)
    ]
    common = inspect.getattr_static(usage, "_COMMON")
    reports = [
        (code(f"GET /v1/organization/{path}"), _codes((*common, *kind.filters)), "–")
        for path, kind in (("costs", COSTS), *((f"usage/{kind.name}", kind) for kind in USAGE))
    ]
    files = [(code(f"GET /v1/organization/invoices/{{invoice}}/{form}"), "–", "–") for form in ("csv", "pdf")]
    return page(
        "Administration API",
        "src/keyhouse/api",
        """
        For admin keys (`sk-khadm_…`). Shapes are OpenAI's where it has the operation. An unknown parameter or field is
        refused with 400.
        `value`, the full secret, is in the answer that creates or rotates a key and in no other.
        """,
        table(("request", "query", "body"), [*rows, *reports, *files]),
        """
        What the reports count is told in [Usage and costs](../usage-and-costs.md); what a key's status means, in
        [Keys](../keys.md).
        """,
    )


def commands_page() -> str:
    return page(
        "Commands",
        "src/keyhouse/cli",
        """
        Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 refused (a sentence says why), 2 the
        command line itself is wrong. Every command takes `--data DIR` (or `KEYHOUSE_DATA`), works with the server
        stopped or running, and returns when a running server obeys.
        """,
        *commands(),
    )


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "http-api.md": http_api_page,
    "operations.md": operations_page,
    "permissions.md": permissions_page,
    "settings.md": settings_page,
}


def _fields(body: type[msgspec.Struct] | None) -> tuple[str, ...]:
    return () if body is None else tuple(field.name for field in msgspec.structs.fields(body))


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(code(name) for name in names) or "–"
