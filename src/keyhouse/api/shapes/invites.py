"""Invitations to the organization."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import Group, ListOf, PageQuery, Shape, Time
from keyhouse.api.shapes.people import Email, OrganizationRole, ProjectRole


class InvitedTo(Struct, forbid_unknown_fields=True):
    id: str
    role: ProjectRole


class Invite(Struct):
    object: Literal["organization.invite"]
    id: str
    email: str
    role: OrganizationRole
    status: Literal["accepted", "expired", "pending"]
    created_at: Time
    expires_at: Time | None
    accepted_at: Time | None
    projects: list[InvitedTo]


class SentInvite(Invite, kw_only=True):
    invite_url: Annotated[str, Meta(description="The link, in this answer and in no other")]


class InviteWanted(Struct, forbid_unknown_fields=True):
    email: Email
    role: OrganizationRole
    projects: (
        Annotated[list[InvitedTo], Meta(description="The Default project, if not given; [] for none")]
        | UnsetType
        | None
    ) = UNSET


class InviteDeleted(Struct):
    object: Literal["organization.invite.deleted"]
    id: str
    deleted: bool


_PATH = "/v1/organization/invites"

GROUP = Group(
    "Invites",
    {
        f"GET {_PATH}": Shape("List invitations", ListOf[Invite], query=PageQuery),
        f"POST {_PATH}": Shape("Invite somebody", SentInvite, body=InviteWanted),
        f"GET {_PATH}/{{invite_id}}": Shape("Show an invitation", Invite),
        f"DELETE {_PATH}/{{invite_id}}": Shape("Take an invitation back", InviteDeleted),
    },
)
