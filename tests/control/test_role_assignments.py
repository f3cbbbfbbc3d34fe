"""Roles given and taken, and that nobody gives more than they hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from keyhouse.control import role_assignments, roles
from keyhouse.control.authority import of_person
from keyhouse.control.context import Caller
from keyhouse.control.held_roles import Principal
from keyhouse.domain.authority import (
    FULL_AUTHORITY,
    ORGANIZATION_MEMBER,
    ORGANIZATION_OWNER,
    ORGANIZATION_READER,
    PROJECT_MEMBER,
    PROJECT_OWNER,
    Authority,
    Permission,
    Role,
)
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.people import Group, GroupMember, Member, OrganizationRole, Person, PrincipalKind
from tests.control.houses import NOW, House
from tests.control.test_roles import holding, made_of

STORES = ("sqlite", "postgres")
BOB = Principal(PrincipalKind.USER, "user-bob")
TEAM = Principal(PrincipalKind.GROUP, "group_team")


@pytest.fixture(autouse=True)
def people(house: House) -> None:
    """bob, a member of the organization and of the group `team`."""
    organization_id = house.caller.organization_id
    with house.store.write() as tx:
        person = Person(BOB.id, "bob@example.com", "Bob", NOW)
        tx.people.add(person, Member(organization_id, BOB.id, OrganizationRole.MEMBER, NOW))
        tx.groups.add(Group(TEAM.id, organization_id, "team", NOW))
        tx.groups.put_member(GroupMember(organization_id, TEAM.id, BOB.id, NOW))


def authority(house: House, user_id: str = BOB.id) -> Authority:
    with house.store.read() as tx:
        return of_person(tx, house.caller.organization_id, user_id)


def assign(house: House, caller: Caller, role: Role, principal: Principal = BOB, project_id: str | None = None) -> None:
    role_assignments.assign(house.control, caller, project_id, principal, role.id)


def remove(house: House, caller: Caller, role: Role, principal: Principal = BOB, project_id: str | None = None) -> None:
    role_assignments.remove(house.control, caller, project_id, principal, role.id)


def names(house: House, principal: Principal = BOB, project_id: str | None = None) -> list[str]:
    page = role_assignments.list_page(house.control, house.caller, project_id, principal)
    return [held.role.name for held in page.items]


def refused(attempt: Callable[[], object]) -> ErrorCode:
    with pytest.raises(KeyhouseError) as error:
        attempt()
    return error.value.code


def owner_of(house: House) -> Principal:
    with house.store.read() as tx:
        return Principal(PrincipalKind.USER, tx.people.owners(house.caller.organization_id)[0][0].id)


def test_a_role_that_was_made_is_given_and_taken(house: House) -> None:
    made = roles.create(house.control, house.caller, None, made_of(Permission.GROUPS_READ))
    assign(house, house.caller, made)
    assert authority(house).may(Permission.GROUPS_READ)
    assert names(house) == ["member", "r"]
    given = house.events()[-1]
    assert (given.type.value, given.object_id, given.project_id) == ("role.assignment.created", made.id, None)
    assert given.details == {
        "principal_id": BOB.id, "principal_type": "user",
        "resource_type": "api.organization", "resource_id": house.caller.organization_id,
    }  # fmt: skip
    before = len(house.events())
    assign(house, house.caller, made)
    assert len(house.events()) == before, "what is held already is not given again"
    remove(house, house.caller, made)
    assert not authority(house).may(Permission.GROUPS_READ)
    assert house.events()[-1].type.value == "role.assignment.deleted"
    assert refused(lambda: remove(house, house.caller, made)) is ErrorCode.NOT_FOUND


def test_a_role_that_is_deleted_is_taken_from_everybody(house: House) -> None:
    made = roles.create(house.control, house.caller, None, made_of(Permission.GROUPS_READ))
    assign(house, house.caller, made, TEAM)
    assert authority(house).may(Permission.GROUPS_READ)
    roles.update(house.control, house.caller, None, made.id, made_of(Permission.GROUPS_WRITE))
    assert authority(house) == Authority(frozenset({Permission.GROUPS_WRITE}))
    roles.delete(house.control, house.caller, None, made.id)
    assert authority(house) == Authority()
    assert names(house, TEAM) == []


def test_a_person_has_one_predefined_role_in_the_organization(house: House) -> None:
    assign(house, house.caller, ORGANIZATION_READER)
    assert names(house) == ["reader"]
    assign(house, house.caller, ORGANIZATION_OWNER)
    assert names(house) == ["owner"]
    assert authority(house) == FULL_AUTHORITY
    remove(house, house.caller, ORGANIZATION_OWNER)
    assert names(house) == ["member"]
    assert refused(lambda: remove(house, house.caller, ORGANIZATION_MEMBER)) is ErrorCode.CONFLICT
    assert refused(lambda: remove(house, house.caller, ORGANIZATION_OWNER)) is ErrorCode.NOT_FOUND


def test_the_last_owner_stays_one(house: House) -> None:
    alice = owner_of(house)
    before = len(house.events())
    for attempt in (
        lambda: remove(house, house.caller, ORGANIZATION_OWNER, alice),
        lambda: assign(house, house.caller, ORGANIZATION_READER, alice),
    ):
        assert refused(attempt) is ErrorCode.CONFLICT
    assert names(house, alice) == ["owner"]
    assert len(house.events()) == before
    assign(house, house.caller, ORGANIZATION_OWNER)
    remove(house, house.caller, ORGANIZATION_OWNER, alice)
    assert names(house, alice) == ["member"]


def test_a_predefined_role_of_a_project_is_membership_in_it(house: House) -> None:
    organization_id, project_id = house.caller.organization_id, house.project_id
    assign(house, house.caller, PROJECT_MEMBER, project_id=project_id)
    assign(house, house.caller, PROJECT_OWNER, project_id=project_id)
    assert names(house, project_id=project_id) == ["owner"]
    with house.store.read() as tx:
        place = tx.project_members.get(organization_id, project_id, BOB.id)
    assert place is not None
    assert place.role.value == "owner"
    assert authority(house).may(Permission.KEYS_WRITE, project_id)
    assert not authority(house).may(Permission.KEYS_WRITE)
    remove(house, house.caller, PROJECT_OWNER, project_id=project_id)
    with house.store.read() as tx:
        assert tx.project_members.get(organization_id, project_id, BOB.id) is None
    assert names(house, project_id=project_id) == []
    assert [event.type.value for event in house.events()][-4:] == [
        "role.assignment.created", "role.assignment.deleted", "role.assignment.created", "role.assignment.deleted",
    ]  # fmt: skip


def test_roles_through_groups_name_their_source(house: House) -> None:
    made = roles.create(house.control, house.as_admin(), None, made_of(Permission.GROUPS_READ))
    assign(house, house.caller, made, TEAM)
    held = role_assignments.show(house.control, house.caller, None, BOB, made.id)
    assert held.sources == (TEAM,)
    assert held.maker is not None
    assert refused(lambda: remove(house, house.caller, made)) is ErrorCode.NOT_FOUND
    assign(house, house.caller, made)
    assert set(role_assignments.show(house.control, house.caller, None, BOB, made.id).sources) == {TEAM, BOB}
    remove(house, house.caller, made, TEAM)
    assert role_assignments.show(house.control, house.caller, None, BOB, made.id).sources == (BOB,)


def test_a_group_holds_predefined_roles_as_others(house: House) -> None:
    assign(house, house.caller, ORGANIZATION_READER, TEAM)
    assign(house, house.caller, PROJECT_OWNER, TEAM, house.project_id)
    assert names(house, TEAM) == ["reader"]
    assert names(house) == ["member", "reader"]
    assert authority(house).may(Permission.BILLING_READ)
    assert authority(house).may(Permission.KEYS_WRITE, house.project_id)
    remove(house, house.caller, ORGANIZATION_READER, TEAM)
    assert not authority(house).may(Permission.BILLING_READ)


def test_nobody_gives_more_than_they_hold(house: House) -> None:
    more = roles.create(house.control, house.caller, None, made_of(Permission.GROUPS_READ, Permission.BILLING_WRITE))
    less = roles.create(house.control, house.caller, None, made_of(Permission.GROUPS_READ, name="less"))
    keeper = holding(house, Permission.ROLES_READ, Permission.ROLES_WRITE, Permission.GROUPS_READ)
    before = len(house.events())
    for principal in (BOB, TEAM):
        for role in (more, ORGANIZATION_OWNER, ORGANIZATION_READER):
            attempt = lambda role=role, to=principal: assign(house, keeper, role, to)  # noqa: E731
            assert refused(attempt) is ErrorCode.INSUFFICIENT_PERMISSIONS
    assert len(house.events()) == before
    assert names(house) == ["member"]
    assign(house, keeper, less)
    assert names(house) == ["member", "less"]


def test_nobody_puts_down_who_stands_above_them(house: House) -> None:
    alice = owner_of(house)
    assign(house, house.caller, ORGANIZATION_OWNER)
    assign(house, house.caller, ORGANIZATION_OWNER, TEAM)
    keeper = holding(house, Permission.ROLES_READ, Permission.ROLES_WRITE)
    for attempt in (
        lambda: remove(house, keeper, ORGANIZATION_OWNER, alice),
        lambda: assign(house, keeper, ORGANIZATION_MEMBER, alice),
        lambda: remove(house, keeper, ORGANIZATION_OWNER, TEAM),
    ):
        assert refused(attempt) is ErrorCode.INSUFFICIENT_PERMISSIONS
    assert names(house, alice) == ["owner"]


def test_who_gives_roles_in_one_project_gives_none_elsewhere(house: House) -> None:
    project_id = house.project_id
    everything = holding(house, *PROJECT_OWNER.permissions, project_id=project_id)
    assign(house, everything, PROJECT_OWNER, project_id=project_id)
    assert refused(lambda: assign(house, everything, ORGANIZATION_MEMBER)) is ErrorCode.INSUFFICIENT_PERMISSIONS
    weak = replace(everything, authority=Authority(projects={project_id: frozenset({Permission.PROJECT_ROLES_WRITE})}))
    assert refused(lambda: assign(house, weak, PROJECT_MEMBER, TEAM, project_id)) is ErrorCode.INSUFFICIENT_PERMISSIONS
    reader = holding(house, Permission.ROLES_READ)
    assert refused(lambda: remove(house, reader, ORGANIZATION_MEMBER)) is ErrorCode.INSUFFICIENT_PERMISSIONS
