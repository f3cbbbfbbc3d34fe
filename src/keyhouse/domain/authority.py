"""What people and admin keys may do in an organization and its projects: permissions, roles made of them, who holds which.

Everything that no role grants is refused. A role is held in the organization, where it counts in every project too, or in one
project. What several roles grant adds up; an admin key is cut to what its own role and scopes leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class Permission(Enum):
    """One grammar, `api.<what>.<read|write>`, in OpenAI's words where it has some. Write does not include read."""

    ADMIN_KEYS_READ = "api.organization.admin_api_keys.read"
    ADMIN_KEYS_WRITE = "api.organization.admin_api_keys.write"
    AUDIT_READ = "api.organization.audit_logs.read"
    BILLING_READ = "api.organization.billing.read"
    BILLING_WRITE = "api.organization.billing.write"
    CERTIFICATES_READ = "api.organization.certificates.read"
    CERTIFICATES_WRITE = "api.organization.certificates.write"
    GROUPS_READ = "api.groups.read"
    GROUPS_WRITE = "api.groups.write"
    INVITES_READ = "api.organization.invites.read"
    INVITES_WRITE = "api.organization.invites.write"
    NOTICES_READ = "api.organization.notices.read"
    NOTICES_WRITE = "api.organization.notices.write"
    ORGANIZATION_READ = "api.organization.read"
    ORGANIZATION_WRITE = "api.organization.write"
    PRICES_READ = "api.organization.prices.read"
    PRICES_WRITE = "api.organization.prices.write"
    PROJECTS_CREATE = "api.organization.projects.create"
    ROLES_READ = "api.organization.roles.read"
    ROLES_WRITE = "api.organization.roles.write"
    UPSTREAMS_READ = "api.organization.upstreams.read"
    UPSTREAMS_WRITE = "api.organization.upstreams.write"
    USERS_READ = "api.organization.users.read"
    USERS_WRITE = "api.organization.users.write"

    BUDGETS_READ = "api.organization.projects.budgets.read"
    BUDGETS_WRITE = "api.organization.projects.budgets.write"
    INCREASES_REQUEST = "api.organization.projects.increases.request"
    KEYS_READ = "api.organization.projects.api_keys.read"
    KEYS_WRITE = "api.organization.projects.api_keys.write"
    OWN_KEYS_WRITE = "api.organization.projects.own_api_keys.write"
    POLICIES_READ = "api.organization.projects.policies.read"
    POLICIES_WRITE = "api.organization.projects.policies.write"
    PROJECT_READ = "api.organization.projects.read"
    PROJECT_ROLES_READ = "api.organization.projects.roles.read"
    PROJECT_ROLES_WRITE = "api.organization.projects.roles.write"
    PROJECT_USERS_READ = "api.organization.projects.users.read"
    PROJECT_USERS_WRITE = "api.organization.projects.users.write"
    PROJECT_WRITE = "api.organization.projects.write"
    RATE_LIMITS_READ = "api.organization.projects.rate_limits.read"
    RATE_LIMITS_WRITE = "api.organization.projects.rate_limits.write"
    SERVICE_ACCOUNTS_READ = "api.organization.projects.service_accounts.read"
    SERVICE_ACCOUNTS_WRITE = "api.organization.projects.service_accounts.write"
    USAGE_READ = "api.organization.projects.usage.read"

    __hash__ = object.__hash__

    @property
    def of_projects(self) -> bool:
        """Whether a role of one project may grant it: it is about what is in a project."""
        return self.value.startswith("api.organization.projects.") and self is not Permission.PROJECTS_CREATE


EVERYTHING = frozenset(Permission)
READS = frozenset(permission for permission in Permission if permission.value.endswith(".read"))
OF_PROJECTS = frozenset(permission for permission in Permission if permission.of_projects)
OF_HOUSE = frozenset({Permission.PRICES_WRITE, Permission.UPSTREAMS_WRITE})
"""About what every organization is served by. Only the predefined owner's role grants it, in the house's own organization."""
_NONE: frozenset[Permission] = frozenset()
_MEMBER_OF_PROJECT = (READS & OF_PROJECTS) | {Permission.OWN_KEYS_WRITE, Permission.INCREASES_REQUEST}


class RoleKind(Enum):
    """Where a role is held, in OpenAI's words."""

    ORGANIZATION = "api.organization"
    PROJECT = "api.project"


@dataclass(frozen=True, slots=True)
class Role:
    """A role, predefined or made by somebody: then `organization_id` is set, and `project_id` for one of a single project. Times
    are Unix seconds."""

    id: str
    name: str
    kind: RoleKind
    permissions: frozenset[Permission]
    description: str | None = None
    organization_id: str | None = None
    project_id: str | None = None
    created_at: int | None = None
    updated_at: int | None = None
    created_by: str | None = None

    @property
    def predefined(self) -> bool:
        return self.organization_id is None

    @property
    def words(self) -> list[str]:
        """What it grants, in the order of the alphabet."""
        return sorted(permission.value for permission in self.permissions)


ORGANIZATION_OWNER = Role(
    "role-organization-owner", "owner", RoleKind.ORGANIZATION, EVERYTHING, "May do everything in the organization."
)
ORGANIZATION_READER = Role(
    "role-organization-reader", "reader", RoleKind.ORGANIZATION, READS, "May see everything and change nothing."
)
ORGANIZATION_MEMBER = Role(
    "role-organization-member", "member", RoleKind.ORGANIZATION, _NONE, "May do what its roles in projects grant."
)
PROJECT_OWNER = Role("role-project-owner", "owner", RoleKind.PROJECT, OF_PROJECTS, "May do everything in the project.")
PROJECT_MEMBER = Role(
    "role-project-member",
    "member",
    RoleKind.PROJECT,
    _MEMBER_OF_PROJECT,
    "May see the project, have keys in it, and ask for more.",
)
PROJECT_VIEWER = Role(
    "role-project-viewer", "viewer", RoleKind.PROJECT, READS & OF_PROJECTS, "May see the project and change nothing."
)
PREDEFINED = (
    ORGANIZATION_OWNER,
    ORGANIZATION_READER,
    ORGANIZATION_MEMBER,
    PROJECT_OWNER,
    PROJECT_MEMBER,
    PROJECT_VIEWER,
)
_BY_ID = {role.id: role for role in PREDEFINED}
_BY_NAME = {(role.kind, role.name): role for role in PREDEFINED}


def predefined_role(role_id: str) -> Role | None:
    """The predefined role of this id."""
    return _BY_ID.get(role_id)


def role_named(kind: RoleKind, name: str) -> Role | None:
    """The predefined role of this name: owner, reader or member of an organization; owner, member or viewer of a project."""
    return _BY_NAME.get((kind, name))


@dataclass(frozen=True, slots=True)
class Authority:
    """What somebody may do: `everywhere` in the organization and in each of its projects, `projects` in single ones.

    `of_house`: in the organization that runs the house. In a further one nobody is missing what is about the house.
    """

    everywhere: frozenset[Permission] = _NONE
    projects: Mapping[str, frozenset[Permission]] = field(default_factory=dict)
    of_house: bool = True

    def may(self, permission: Permission, project_id: str | None = None) -> bool:
        """Whether this is granted, in the organization or (given one) in a project."""
        return permission in self.everywhere or (project_id is not None and permission in self.within(project_id))

    def lacks(self, permissions: Iterable[Permission], project_id: str | None = None) -> frozenset[Permission]:
        """Those of these that are not granted and could be: nobody passes on more than they hold."""
        grantable = permissions if self.of_house else frozenset(permissions) - OF_HOUSE
        return frozenset(permission for permission in grantable if not self.may(permission, project_id))

    def within(self, project_id: str) -> frozenset[Permission]:
        """What is granted in this project alone."""
        return self.projects.get(project_id, _NONE)

    def where(self, permission: Permission) -> frozenset[str] | None:
        """The projects in which this is granted; None: in all of them."""
        if permission in self.everywhere:
            return None
        return frozenset(project for project, granted in self.projects.items() if permission in granted)

    def anywhere(self, permission: Permission) -> bool:
        """Whether this is granted in the organization or in any project."""
        return permission in self.everywhere or any(permission in granted for granted in self.projects.values())

    def cut_to(self, permissions: frozenset[Permission]) -> Authority:
        """No more than these permissions."""
        projects = {place: granted & permissions for place, granted in self.projects.items()}
        return Authority(self.everywhere & permissions, projects, self.of_house)


NO_AUTHORITY = Authority()
FULL_AUTHORITY = Authority(EVERYTHING)


@dataclass(frozen=True, slots=True)
class Held:
    """A role that somebody holds: in a project, or (None) in the organization."""

    role: Role
    project_id: str | None = None


def authority_of(held: Iterable[Held], *, of_house: bool) -> Authority:
    """What these roles add up to, in the organization that runs the house or in a further one. Of a role held in a project only
    what is about projects counts."""
    everywhere: frozenset[Permission] = _NONE
    projects: dict[str, frozenset[Permission]] = {}
    for one in held:
        if one.project_id is None:
            everywhere |= one.role.permissions if of_house and one.role.predefined else one.role.permissions - OF_HOUSE
        else:
            projects[one.project_id] = projects.get(one.project_id, _NONE) | (one.role.permissions & OF_PROJECTS)
    return Authority(everywhere, projects, of_house)


def permission_of(word: str) -> Permission | None:
    """The permission that is written so."""
    try:
        return Permission(word)
    except ValueError:
        return None


def may_have_keys(held: Iterable[Held], project_id: str | None) -> bool:
    """Whether these roles let a person have keys in a project, and so use those that they have there."""
    authority = authority_of(held, of_house=False)  # what is about the house has nothing to do with keys
    return any(authority.may(which, project_id) for which in (Permission.OWN_KEYS_WRITE, Permission.KEYS_WRITE))
