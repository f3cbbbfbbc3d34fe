"""People, and what they are in an organization."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class OrganizationRole(Enum):
    OWNER = "owner"
    READER = "reader"


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
    """A person in an organization."""

    organization_id: str
    user_id: str
    role: OrganizationRole
    added_at: int
