"""Who may do what, written down by hand and not read from the code that is tested: the words of the roles, and what each route
asks for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

ORGANIZATION = "api.organization"
PROJECTS = "api.organization.projects"
_BOTH = ("read", "write")


def _words(*stems: str, ends: tuple[str, ...] = _BOTH) -> frozenset[str]:
    return frozenset(f"{stem}.{end}" for stem in stems for end in ends)


OF_ORGANIZATION = _words(
    ORGANIZATION,
    "api.groups",
    *(
        f"{ORGANIZATION}.{what}"
        for what in (
            "admin_api_keys",
            "billing",
            "certificates",
            "invites",
            "notices",
            "prices",
            "roles",
            "upstreams",
            "users",
        )
    ),
) | {f"{ORGANIZATION}.audit_logs.read", f"{PROJECTS}.create"}
OF_PROJECTS = _words(
    PROJECTS,
    *(
        f"{PROJECTS}.{what}"
        for what in ("api_keys", "budgets", "policies", "rate_limits", "roles", "service_accounts", "users")
    ),
) | {f"{PROJECTS}.increases.request", f"{PROJECTS}.own_api_keys.write", f"{PROJECTS}.usage.read"}
EVERYTHING = OF_ORGANIZATION | OF_PROJECTS
OF_HOUSE = frozenset({f"{ORGANIZATION}.prices.write", f"{ORGANIZATION}.upstreams.write"})
"""What no role that is made grants, and nobody has in an organization that does not run the house."""
NOTHING: frozenset[str] = frozenset()
READS = frozenset(word for word in EVERYTHING if word.endswith(".read"))
PROJECT_READS = READS & OF_PROJECTS
PROJECT_MEMBER = PROJECT_READS | {f"{PROJECTS}.own_api_keys.write", f"{PROJECTS}.increases.request"}


@dataclass(frozen=True)
class Caller:
    """`everywhere`, and `projects` by place: the words of what the caller may do. `key` empty: nobody."""

    name: str
    key: str = field(repr=False)
    everywhere: frozenset[str] = NOTHING
    projects: dict[str, frozenset[str]] = field(default_factory=dict)
    calls_models: bool = False
    own_key: str = ""

    def within(self, place: str) -> frozenset[str]:
        return self.everywhere | self.projects.get(place, NOTHING)


@dataclass(frozen=True)
class Row:
    """What a resource's routes ask for: `read` of GET, `write` of all others.

    `own`: enough for the caller's own. `anywhere`: the route names no project, the object lies in one, and a grant there is
    enough. `actions`: the words that may stand behind the resource or one of its objects. `gives`: what a caller must hold
    beside, because the route passes it on. `blank`: what is asked of a project that is not there is answered with nothing.
    `shared`: the objects are the organization's, whatever project the route names.
    """

    read: str = ""
    write: str = ""
    own: str = ""
    anywhere: bool = False
    actions: tuple[str, ...] = ()
    gives: frozenset[str] = NOTHING
    blank: bool = False
    shared: bool = False

    def asked(self, method: str) -> str:
        """The permission, empty for a method that nobody thought of."""
        return self.read if method == "GET" else self.write


def _row(stem: str, *actions: str) -> Row:
    return Row(f"{stem}.read", f"{stem}.write", actions=actions)


_KEY_ACTIONS = ("rotate", "disable", "enable", "revoke")
_KEYS = replace(_row(f"{PROJECTS}.api_keys", *_KEY_ACTIONS), own=f"{PROJECTS}.own_api_keys.write")
_BILLING = _row(f"{ORGANIZATION}.billing", "csv", "pdf")
_BUDGETS = _row(f"{PROJECTS}.budgets")
_OF_BUDGETS = replace(_BUDGETS, anywhere=True)
_CERTIFICATES = _row(f"{ORGANIZATION}.certificates", "activate", "deactivate")
_GROUPS = _row("api.groups")
_POLICIES = _row(f"{PROJECTS}.policies")
_PROJECT_ROLES = _row(f"{PROJECTS}.roles")
_PROJECT_USERS = _row(f"{PROJECTS}.users")
_ROLES = _row(f"{ORGANIZATION}.roles")
_USAGE = Row(read=f"{PROJECTS}.usage.read", anywhere=True, blank=True)

_O = "/v1/organization"
_P = "/v1/organization/projects/{project_id}"
_R = "/v1/projects/{project_id}"
ROWS: dict[str, Row] = {
    f"{_O}/admin_api_keys": _row(f"{ORGANIZATION}.admin_api_keys", *_KEY_ACTIONS),
    f"{_O}/audit_logs": Row(read=f"{ORGANIZATION}.audit_logs.read"),
    f"{_O}/billing_profile": _BILLING,
    f"{_O}/budgets": _OF_BUDGETS,
    f"{_O}/certificates": _CERTIFICATES,
    f"{_O}/costs": _USAGE,
    f"{_O}/credit_balance": _BILLING,
    f"{_O}/credit_grants": _BILLING,
    f"{_O}/data_retention": _POLICIES,
    f"{_O}/groups": _GROUPS,
    f"{_O}/groups/{{group_id}}/roles": _ROLES,
    f"{_O}/groups/{{group_id}}/users": _GROUPS,
    f"{_O}/increase_requests": replace(_OF_BUDGETS, actions=("grant", "deny")),
    f"{_O}/invites": _row(f"{ORGANIZATION}.invites"),
    f"{_O}/invoices": _BILLING,
    f"{_O}/ip_allowlists": _POLICIES,
    f"{_O}/notices": Row(read=f"{ORGANIZATION}.notices.read"),
    f"{_O}/prices": _row(f"{ORGANIZATION}.prices"),
    f"{_O}/projects": replace(_row(PROJECTS, "archive"), anywhere=True),
    f"{_O}/rate_limits": _row(f"{PROJECTS}.rate_limits"),
    f"{_O}/roles": _ROLES,
    f"{_O}/spend_alerts": _BUDGETS,
    f"{_O}/spend_limit": _BUDGETS,
    f"{_O}/upstreams": _row(f"{ORGANIZATION}.upstreams", "test"),
    f"{_O}/usage": replace(
        _USAGE,
        actions=(
            "audio_speeches",
            "audio_transcriptions",
            "code_interpreter_sessions",
            "completions",
            "embeddings",
            "file_search_calls",
            "images",
            "moderations",
            "vector_stores",
            "web_search_calls",
        ),
    ),
    f"{_O}/users": _row(f"{ORGANIZATION}.users"),
    f"{_O}/users/{{user_id}}/roles": _ROLES,
    f"{_O}/webhook_secret": Row(write=f"{ORGANIZATION}.notices.write"),
    f"{_P}/api_keys": _KEYS,
    f"{_P}/certificates": _CERTIFICATES,
    f"{_P}/data_retention": _POLICIES,
    f"{_P}/groups": _PROJECT_USERS,
    f"{_P}/hosted_tool_permissions": _POLICIES,
    f"{_P}/ip_allowlists": _POLICIES,
    f"{_P}/model_permissions": _POLICIES,
    f"{_P}/rate_limits": _row(f"{PROJECTS}.rate_limits"),
    f"{_P}/service_accounts": _row(f"{PROJECTS}.service_accounts"),
    f"{_P}/service_accounts/{{account_id}}/api_keys": replace(_KEYS, read=""),
    f"{_P}/spend_alerts": _BUDGETS,
    f"{_P}/spend_limit": _BUDGETS,
    f"{_P}/users": replace(_PROJECT_USERS, gives=PROJECT_READS),
    f"{_R}/groups/{{group_id}}/roles": replace(_PROJECT_ROLES, shared=True),
    f"{_R}/roles": _PROJECT_ROLES,
    f"{_R}/users/{{user_id}}/roles": replace(_PROJECT_ROLES, shared=True),
    "/metrics": Row(read=f"{PROJECTS}.usage.read"),
}
EXCEPTIONS: dict[str, Row] = {
    f"POST {_O}/projects": Row(write=f"{PROJECTS}.create"),
    f"GET {_P}": _row(PROJECTS),
    f"POST {_P}": _row(PROJECTS),
    f"POST {_P}/archive": _row(PROJECTS),
    f"POST {_P}/service_accounts": replace(_row(f"{PROJECTS}.service_accounts"), gives=PROJECT_MEMBER),
    f"GET {_O}/increase_requests": _BUDGETS,
    f"POST {_O}/increase_requests": Row(write=f"{PROJECTS}.increases.request", anywhere=True),
    f"GET {_P}/users": _PROJECT_USERS,
    f"GET {_P}/users/{{user_id}}": _PROJECT_USERS,
}


def row_of(method: str, path: str) -> Row | None:
    """The row in which a route stands: `path` is a resource, one of its objects, or an action of either."""
    found = EXCEPTIONS.get(f"{method} {path}")
    for resource in (found is None) * [path, *_parents(path)]:
        row = ROWS.get(resource)
        if row is not None and _is_of(row, path.removeprefix(resource).split("/")[1:]):
            found = row
            break
    return found if found is not None and found.asked(method) else None


def _parents(path: str) -> list[str]:
    return [path.rsplit("/", count)[0] for count in (1, 2)]


def _is_of(row: Row, rest: list[str]) -> bool:
    """Whether what stands behind the resource is nothing, an object, an action, or an object and an action."""
    objects = [part for part in rest if part.startswith("{")]
    actions = [part for part in rest if not part.startswith("{")]
    return len(objects) <= 1 and len(actions) <= 1 and set(actions) <= set(row.actions) and rest == objects + actions
