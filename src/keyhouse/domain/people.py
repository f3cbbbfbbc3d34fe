"""People, and what they are in an organization."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class OrganizationRole(Enum):
    OWNER = "owner"
    READER = "reader"
    MEMBER = "member"
    """What the roles in projects and those made by somebody grant, and no more."""


class ProjectRole(Enum):
    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class InviteStatus(Enum):
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    PENDING = "pending"


class PrincipalKind(Enum):
    """Who can hold a role."""

    GROUP = "group"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Person:
    """A person who can sign in. The password is kept as an argon2 hash, and not in a repr."""

    id: str
    email: str
    name: str
    created_at: int
    password_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organization. `technical_level` and `developer_persona` are what OpenAI's clients keep there; nothing
    hangs on them."""

    organization_id: str
    user_id: str
    role: OrganizationRole
    added_at: int
    technical_level: str | None = None
    developer_persona: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectMember:
    """A person in a project."""

    organization_id: str
    project_id: str
    user_id: str
    role: ProjectRole
    added_at: int


@dataclass(frozen=True, slots=True)
class Group:
    """People who hold roles together."""

    id: str
    organization_id: str
    name: str
    created_at: int


@dataclass(frozen=True, slots=True)
class GroupMember:
    organization_id: str
    group_id: str
    user_id: str
    added_at: int


@dataclass(frozen=True, slots=True)
class Invite:
    """A place in an organization that somebody may take by a link until it expires. The link's token is remembered as a digest.
    `projects`: the project ids that come with it, and the role in each."""

    id: str
    organization_id: str
    email: str
    role: OrganizationRole
    projects: tuple[tuple[str, ProjectRole], ...]
    created_at: int
    expires_at: int
    token_digest: bytes = field(repr=False)
    invited_by: str | None = None
    accepted_at: int | None = None

    def status(self, now: int) -> InviteStatus:
        if self.accepted_at is not None:
            return InviteStatus.ACCEPTED
        return InviteStatus.EXPIRED if self.expires_at <= now else InviteStatus.PENDING


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """A role that a person or a group holds: in a project, or (`project_id` None) in the organization. `created_by` is a user."""

    organization_id: str
    principal: PrincipalKind
    principal_id: str
    role_id: str
    created_at: int
    project_id: str | None = None
    created_by: str | None = None
