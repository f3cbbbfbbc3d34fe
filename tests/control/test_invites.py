"""Who is invited takes a place by a link, once, until it expires."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from argon2 import PasswordHasher

from keyhouse.control import invites, people, projects
from keyhouse.control.invites import LIFETIME, Sent
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import OF_PROJECTS, Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.people import InviteStatus, OrganizationRole, Person, ProjectRole
from keyhouse.store.contract import Page
from tests.control.houses import NOW, House
from tests.control.test_roles import holding

STORES = ("sqlite", "postgres")
BOB = "bob@example.com"
PASSWORD = "a long password"


def invite(house: House, email: str = BOB, role: str = "reader", **given: Any) -> Sent:
    return invites.create(house.control, house.caller, email, role, **given)


def accept(house: House, sent: Sent | str, name: object = "Bob", password: object = PASSWORD) -> Person:
    token = sent if isinstance(sent, str) else sent.url.rpartition("/")[2]
    return invites.accept(house.control, token, name, password, "192.0.2.7")


def refused(attempt: Callable[[], object]) -> KeyhouseError:
    with pytest.raises(KeyhouseError) as error:
        attempt()
    return error.value


def test_who_accepts_is_in_the_organization_and_the_projects(house: House) -> None:
    other = projects.create(house.control, house.caller, "Other").id
    sent = invite(house, " Bob@Example.com ", projects=[{"id": other, "role": "viewer"}])
    assert sent.url.startswith("http://127.0.0.1:8585/invite/khinv_")
    assert (sent.invite.email, sent.invite.status(NOW)) == (BOB, InviteStatus.PENDING)
    person = accept(house, sent, "Bób 🔑")
    found = people.show(house.control, house.caller, person.id)
    assert (found.person.email, found.person.name, found.member.role) == (BOB, "Bób 🔑", OrganizationRole.READER)
    assert [(place.project_id, place.role) for place, _ in found.projects] == [(other, ProjectRole.VIEWER)]
    assert person.password_hash is not None
    assert PasswordHasher().verify(person.password_hash, "a long password")
    assert invites.show(house.control, house.caller, sent.invite.id).status(NOW) is InviteStatus.ACCEPTED
    added, accepted = house.events()[-2:]
    assert (added.type, accepted.type) == (EventType.USER_ADDED, EventType.INVITE_ACCEPTED)
    assert (accepted.actor.kind, accepted.actor.user_id, accepted.actor.address) == ("session", person.id, "192.0.2.7")


def test_where_no_project_is_named_it_is_the_default_one_and_none_is_none(house: House) -> None:
    assert invite(house).invite.projects == ((house.project_id, ProjectRole.MEMBER),)
    assert invite(house, "c@example.com", projects=[]).invite.projects == ()


def test_a_link_is_kept_as_a_digest_and_is_in_no_event_or_repr(house: House) -> None:
    sent = invite(house)
    token = sent.url.rpartition("/")[2]
    assert token not in repr(sent)
    assert all(token not in repr(event) for event in house.events())
    with house.store.read() as tx:
        assert token.encode() not in tx.invites.list(house.caller.organization_id, Page()).items[0].token_digest


def test_a_link_works_once_and_until_it_expires(house: House) -> None:
    sent, late = invite(house), invite(house, "late@example.com")
    accept(house, sent)
    before = house.events()
    assert refused(lambda: accept(house, sent)).code is ErrorCode.CONFLICT
    house.clock.now += LIFETIME
    error = refused(lambda: accept(house, late))
    assert (error.code, error.param) == (ErrorCode.INVALID_VALUE, "token")
    for nothing in ("khinv_none", "", "x" * 10_000, "\ud800", "\x00"):
        assert refused(partial(accept, house, nothing)).code is ErrorCode.NOT_FOUND
    assert house.events() == before


@pytest.mark.parametrize(
    ("name", "password", "param"),
    [
        ("", "a long password", "name"),
        ("n" * 10_000, "a long password", "name"),
        ("Bo\x00b", "a long password", "name"),
        ("Bob", "short", "password"),
        ("Bob", "x" * 1025, "password"),
        ("Bob", 1234567890, "password"),
        ("Bob", None, "password"),
    ],
)
def test_a_bad_name_or_password_leaves_the_link_as_it_was(
    house: House, name: object, password: object, param: str
) -> None:
    sent = invite(house)
    error = refused(lambda: accept(house, sent, name, password))
    assert (error.code, error.param) == (ErrorCode.INVALID_VALUE, param)
    assert "short" not in error.message
    assert accept(house, sent).email == BOB


def test_somebody_whom_the_house_knows_keeps_name_and_password(house: House) -> None:
    first = accept(house, invite(house))
    people.remove(house.control, house.caller, first.id)
    again = accept(house, invite(house), "Robert", "another password")
    assert (again.id, again.name, again.password_hash) == (first.id, "Bob", first.password_hash)


def test_members_and_who_is_invited_already_are_not_invited_again(house: House) -> None:
    sent = invite(house)
    error = refused(lambda: invite(house))
    assert (error.code, error.param) == (ErrorCode.CONFLICT, "email")
    house.clock.now += LIFETIME
    assert invite(house).invite.id != sent.invite.id
    owner = people.list_page(house.control, house.caller).items[0].person.email
    assert refused(lambda: invite(house, owner)).code is ErrorCode.CONFLICT


def test_who_became_a_member_otherwise_does_not_join_twice(house: House) -> None:
    sent = invite(house)
    people.add(house.control, house.caller, BOB, "Bob")
    assert refused(lambda: accept(house, sent)).code is ErrorCode.CONFLICT


def test_an_invitation_is_taken_back_until_it_is_accepted(house: House) -> None:
    gone, kept = invite(house), invite(house, "c@example.com")
    invites.delete(house.control, house.caller, gone.invite.id)
    assert refused(lambda: accept(house, gone)).code is ErrorCode.NOT_FOUND
    accept(house, kept)
    assert refused(partial(invites.delete, house.control, house.caller, kept.invite.id)).code is ErrorCode.CONFLICT
    assert refused(partial(invites.delete, house.control, house.caller, "invite-none")).code is ErrorCode.NOT_FOUND


def test_a_project_that_is_archived_meanwhile_is_left_out(house: House) -> None:
    other = projects.create(house.control, house.caller, "Other").id
    places = [{"id": other, "role": "member"}, {"id": house.project_id, "role": "member"}]
    sent = invite(house, projects=places)
    projects.archive(house.control, house.caller, other)
    found = people.show(house.control, house.caller, accept(house, sent).id)
    assert [place.project_id for place, _ in found.projects] == [house.project_id]


def test_nobody_invites_to_more_than_they_hold(house: House) -> None:
    clerk = holding(house, Permission.INVITES_WRITE)
    before = house.events()
    for role, places in (
        ("owner", []),
        ("reader", []),
        ("member", [{"id": house.project_id, "role": "viewer"}]),
    ):
        attempt = partial(invites.create, house.control, clerk, BOB, role, places)
        assert refused(attempt).code is ErrorCode.INSUFFICIENT_PERMISSIONS
    assert house.events() == before
    invites.create(house.control, clerk, BOB, "member", [])
    lead = holding(house, Permission.INVITES_WRITE, *OF_PROJECTS)
    places = [{"id": house.project_id, "role": "owner"}]
    assert invites.create(house.control, lead, "c@example.com", "member", places).invite.projects


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"email": ""}, ErrorCode.INVALID_VALUE, "email"),
        ({"email": "x" * 10_000}, ErrorCode.INVALID_VALUE, "email"),
        ({"email": "bob"}, ErrorCode.INVALID_VALUE, "email"),
        ({"email": 3}, ErrorCode.INVALID_VALUE, "email"),
        ({"email": "b\x00@example.com"}, ErrorCode.INVALID_VALUE, "email"),
        ({"role": "admin"}, ErrorCode.INVALID_VALUE, "role"),
        ({"role": None}, ErrorCode.INVALID_VALUE, "role"),
        ({"projects": "proj"}, ErrorCode.INVALID_VALUE, "projects"),
        ({"projects": {"id": "proj"}}, ErrorCode.INVALID_VALUE, "projects"),
        ({"projects": ["proj"]}, ErrorCode.INVALID_VALUE, "projects[0]"),
        ({"projects": [{"id": 3, "role": "member"}]}, ErrorCode.INVALID_VALUE, "projects[0]"),
        ({"projects": [{"id": "proj_none", "role": "member"}]}, ErrorCode.NOT_FOUND, None),
    ],
)
def test_what_is_no_invitation_is_refused(
    house: House, given: dict[str, Any], code: ErrorCode, param: str | None
) -> None:
    before = house.events()
    error = refused(lambda: invite(house, **given))
    assert (error.code, error.param) == (code, param)
    assert len(error.message) < 1000
    assert house.events() == before


def test_a_project_is_named_once_and_with_a_role_of_projects(house: House) -> None:
    member = {"id": house.project_id, "role": "member"}
    assert refused(lambda: invite(house, projects=[member, member])).param == "projects[1]"
    assert refused(lambda: invite(house, projects=[{**member, "role": "reader"}])).param == "projects[0].role"
