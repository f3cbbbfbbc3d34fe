"""People, their places in organizations, projects and groups, and who holds which role where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from keyhouse.domain.authority import Held, Role
from keyhouse.domain.people import (
    Group,
    GroupMember,
    Invite,
    Member,
    Person,
    PrincipalKind,
    ProjectMember,
    RoleAssignment,
)
from keyhouse.store.contract.facts import Listed, Page


class People(Protocol):
    """People and their membership in organizations. An email names one person in the whole house. A person who is no member
    any more stays known, because history names them."""

    def add(self, person: Person, member: Member) -> None:
        """A new member; a person whom the house knows already, by id, stays as they are."""
        ...

    def get(self, organization_id: str, user_id: str) -> tuple[Person, Member] | None: ...
    def some(self, organization_id: str, user_ids: Sequence[str]) -> Mapping[str, tuple[Person, Member]]:
        """These people by their ids; who is no member is not in it. Read in few statements, however many."""
        ...

    def by_email(self, organization_id: str, email: str) -> tuple[Person, Member] | None: ...
    def of_house(self, email: str) -> Person | None:
        """The person with this email, a member of whatever organization or of none."""
        ...

    def owners(self, organization_id: str) -> Sequence[tuple[Person, Member]]:
        """Members whose role is owner, those added first first."""
        ...

    def save_member(self, member: Member) -> None: ...
    def remove_member(self, organization_id: str, user_id: str) -> None:
        """Takes the person out of the organization, of its projects and of its groups."""
        ...

    def list(
        self, organization_id: str, page: Page, *, emails: Sequence[str] | None = None
    ) -> Listed[tuple[Person, Member]]:
        """Members, those added first first; none but those with these emails, where some are given."""
        ...


class ProjectMembers(Protocol):
    """People in projects, each once in a project."""

    def put(self, member: ProjectMember) -> None:
        """Adds the person to the project, or changes the role; `added_at` stays."""
        ...

    def get(self, organization_id: str, project_id: str, user_id: str) -> ProjectMember | None: ...
    def remove(self, organization_id: str, project_id: str, user_id: str) -> bool:
        """Whether the person was there."""
        ...

    def list(self, organization_id: str, project_id: str, page: Page) -> Listed[tuple[Person, ProjectMember]]:
        """Those added first first."""
        ...

    def of(self, organization_id: str, user_ids: Sequence[str]) -> Sequence[tuple[ProjectMember, str]]:
        """The places of these people in projects that are not archived, with the projects' names, by (person, added_at)."""
        ...


class Groups(Protocol):
    """Groups, and the people in them, each once in a group."""

    def add(self, group: Group) -> None: ...
    def get(self, organization_id: str, group_id: str) -> Group | None: ...
    def save(self, group: Group) -> None: ...
    def remove(self, organization_id: str, group_id: str) -> None:
        """Forgets the group, who was in it, and takes every role from it."""
        ...

    def list(self, organization_id: str, page: Page) -> Listed[Group]: ...
    def put_member(self, member: GroupMember) -> None:
        """Adds the person; who is in the group already stays as they were."""
        ...

    def get_member(self, organization_id: str, group_id: str, user_id: str) -> tuple[Person, GroupMember] | None: ...
    def remove_member(self, organization_id: str, group_id: str, user_id: str) -> bool:
        """Whether the person was in it."""
        ...

    def members(self, organization_id: str, group_id: str, page: Page) -> Listed[tuple[Person, GroupMember]]:
        """Those added first first."""
        ...


class Invites(Protocol):
    def add(self, invite: Invite) -> None: ...
    def get(self, organization_id: str, invite_id: str) -> Invite | None: ...
    def by_token(self, token_digest: bytes) -> Invite | None:
        """Of any organization: whoever has the link knows nothing else."""
        ...

    def to(self, organization_id: str, email: str) -> Sequence[Invite]:
        """Those to this address, whatever became of them."""
        ...

    def save(self, invite: Invite) -> None: ...
    def remove(self, organization_id: str, invite_id: str) -> None: ...
    def list(self, organization_id: str, page: Page) -> Listed[Invite]: ...


class Roles(Protocol):
    """Roles that somebody made; the predefined ones are in no table."""

    def add(self, role: Role) -> None: ...
    def get(self, organization_id: str, role_id: str) -> Role | None: ...
    def save(self, role: Role) -> None: ...
    def remove(self, organization_id: str, role_id: str) -> None:
        """Forgets the role and takes it from everybody who holds it."""
        ...

    def all(self, organization_id: str, project_id: str | None) -> Sequence[Role]:
        """Those of the organization (None) or of a project alone, by (created_at, id)."""
        ...


class RoleAssignments(Protocol):
    """Which roles people and groups hold beside those that their membership brings."""

    def add(self, assignment: RoleAssignment) -> None:
        """Adds what is not there; an assignment that is stays as it was."""
        ...

    def remove(self, assignment: RoleAssignment) -> bool:
        """Whether it was there."""
        ...

    def of(
        self, organization_id: str, principal: PrincipalKind, principal_id: str, project_id: str | None
    ) -> Sequence[RoleAssignment]:
        """What somebody holds in the organization (None) or in one project, by (created_at, role_id)."""
        ...

    def reaching(self, organization_id: str, user_id: str, project_id: str | None) -> Sequence[RoleAssignment]:
        """What a person holds there by assignment, own and through groups, by (created_at, holder, role)."""
        ...

    def of_groups(self, organization_id: str, project_id: str) -> Sequence[RoleAssignment]:
        """Every role that a group holds in this project, by (created_at, group, role)."""
        ...

    def of_group(self, organization_id: str, group_id: str) -> Sequence[RoleAssignment]:
        """What a group holds anywhere, by (created_at, role)."""
        ...

    def forget(self, organization_id: str, principal: PrincipalKind, principal_id: str, project_id: str | None) -> None:
        """Takes every role from somebody, in one project or (None) everywhere."""
        ...

    def held_by(self, organization_id: str, user_id: str) -> Sequence[Held]:
        """Every role that a person holds, by membership, by assignment, and by groups; none for who is no member."""
        ...
