"""People's places: who holds which role where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from keyhouse.domain.authority import Held, Role
from keyhouse.domain.people import PrincipalKind, RoleAssignment


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

    def of_groups(self, organization_id: str, project_id: str) -> Sequence[RoleAssignment]:
        """Every role that a group holds in this project, by (created_at, group, role)."""
        ...

    def forget(self, organization_id: str, principal: PrincipalKind, principal_id: str, project_id: str | None) -> None:
        """Takes every role from somebody, in one project or (None) everywhere."""
        ...

    def held_by(self, organization_id: str, user_id: str) -> Sequence[Held]:
        """Every role that a person holds, by membership, by assignment, and by groups; none for who is no member."""
        ...
