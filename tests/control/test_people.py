"""People come and go: what they may do follows them, and their keys do not outlive them."""

from __future__ import annotations

import pytest

from keyhouse.control import authority, groups, keys, people, project_groups, project_users
from keyhouse.control.authority import of_person
from keyhouse.control.context import Caller
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.domain.audit import Actor, EventType
from keyhouse.domain.authority import PROJECT_OWNER, Authority, Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind, KeyStatus
from keyhouse.domain.people import OrganizationRole
from tests.control.houses import House

STORES = ("sqlite", "postgres")


def added(house: House, name: str, role: str = "member") -> str:
    return people.add(house.control, house.caller, f"{name}@example.com", name, role).view.person.id


def as_person(house: House, user_id: str) -> Caller:
    """What the person may do now, by their roles."""
    organization_id = house.caller.organization_id
    with house.store.read() as tx:
        return Caller(organization_id, Actor("session", user_id), of_person(tx, organization_id, user_id))


def refused(call: object, code: ErrorCode) -> str:
    assert callable(call)
    with pytest.raises(KeyhouseError) as refusal:
        call()
    assert refusal.value.code is code
    return refusal.value.message


def test_a_person_is_added_with_a_password_that_is_told_once(house: House) -> None:
    made = people.add(house.control, house.caller, " Bob@Example.com ", "Bob")
    assert made.view.person.email == "bob@example.com"
    assert made.view.member.role is OrganizationRole.READER
    assert made.password is not None
    assert made.password not in repr(made)
    assert not house.files_contain(made.password)
    assert house.events()[-1].type is EventType.USER_ADDED
    control, caller = house.control, house.caller
    refused(lambda: people.add(control, caller, "bob@example.com", "Bob"), ErrorCode.CONFLICT)


@pytest.mark.parametrize("email", ["", "bob", "a b@c", "@", "x" * 251 + "@b.c", "a@b\nc", 7, None, ["a@b"]])
def test_what_is_no_email_is_refused(house: House, email: object) -> None:
    before = len(house.events())
    with pytest.raises(KeyhouseError) as refusal:
        people.add(house.control, house.caller, email, "Bob")
    assert (refusal.value.code, refusal.value.param) == (ErrorCode.INVALID_VALUE, "email")
    assert len(house.events()) == before


def test_who_leaves_has_their_keys_disabled_and_listed(house: House) -> None:
    bob = added(house, "bob")
    control = house.control
    made = keys.create(control, house.caller, Holder(KeyKind.USER, house.project_id, bob), KeyFields(name="bob's"))
    admin = keys.create(control, house.caller, Holder(KeyKind.ADMIN, user_id=bob), KeyFields(name="bob's admin"))
    assert house.accepts(made.value)
    gone = people.remove(control, house.caller, bob)
    assert {key.id for key in gone.keys} == {made.view.key.id, admin.view.key.id}
    assert not house.accepts(made.value)
    assert not house.accepts(admin.value)
    shown = keys.show(control, house.caller, house.project_id, made.view.key.id)
    assert (shown.status, shown.owner.has_access) == (KeyStatus.DISABLED, False)
    left = keys.list_page(control, house.caller, house.project_id, owner_access=False)
    assert [item.key.id for item in left.items] == [made.view.key.id]
    assert house.events()[-1].type is EventType.USER_DELETED
    refused(lambda: people.show(control, house.caller, bob), ErrorCode.NOT_FOUND)
    again = people.add(control, house.caller, "bob@example.com", "Bob")
    assert (again.view.person.id, again.password) == (bob, None)
    assert not house.accepts(made.value)


def test_the_last_owner_is_neither_removed_nor_demoted(house: House) -> None:
    control, caller = house.control, house.caller
    owner = house.as_admin().actor.user_id or ""
    assert "last owner" in refused(lambda: people.remove(control, caller, owner), ErrorCode.CONFLICT)
    assert "last owner" in refused(lambda: people.update(control, caller, owner, role="reader"), ErrorCode.CONFLICT)
    bob = added(house, "bob", "owner")
    assert people.update(control, caller, owner, role="member").member.role is OrganizationRole.MEMBER
    refused(lambda: people.remove(control, caller, bob), ErrorCode.CONFLICT)


def test_nobody_gives_or_takes_a_role_above_their_own(house: House) -> None:
    control = house.control
    bob = added(house, "bob")
    some = Authority(frozenset({Permission.USERS_READ, Permission.USERS_WRITE}))
    caller = Caller(house.caller.organization_id, Actor("session", bob), some)
    owner = house.as_admin().actor.user_id or ""
    for attempt in (
        lambda: people.add(control, caller, "eve@example.com", "Eve", "owner"),
        lambda: people.update(control, caller, bob, role="owner"),
        lambda: people.update(control, caller, owner, role="member"),
        lambda: people.remove(control, caller, owner),
    ):
        refused(attempt, ErrorCode.INSUFFICIENT_PERMISSIONS)
    assert people.add(control, caller, "eve@example.com", "Eve", "member").view.member.role is OrganizationRole.MEMBER


def test_a_member_does_what_their_project_allows_and_nothing_elsewhere(house: House) -> None:
    control, project_id = house.control, house.project_id
    bob = added(house, "bob")
    made = keys.create(control, house.caller, Holder(KeyKind.USER, project_id), KeyFields(name="alice's"))
    refused(lambda: keys.list_page(control, as_person(house, bob), project_id), ErrorCode.INSUFFICIENT_PERMISSIONS)
    project_users.add(control, house.caller, project_id, "member", email="bob@example.com")
    caller = as_person(house, bob)
    own = keys.create(control, caller, Holder(KeyKind.USER, project_id), KeyFields(name="bob's"))
    assert own.view.key.user_id == bob
    assert keys.rotate(control, caller, project_id, own.view.key.id).value
    refused(lambda: keys.revoke(control, caller, project_id, made.view.key.id), ErrorCode.INSUFFICIENT_PERMISSIONS)
    refused(
        lambda: project_users.add(control, caller, project_id, "owner", user_id=bob), ErrorCode.INSUFFICIENT_PERMISSIONS
    )
    project_users.remove(control, house.caller, project_id, bob)
    assert not house.accepts(own.value)
    refused(lambda: keys.list_page(control, as_person(house, bob), project_id), ErrorCode.INSUFFICIENT_PERMISSIONS)


def test_roles_come_through_groups_and_go_with_them(house: House) -> None:
    control, caller, project_id = house.control, house.caller, house.project_id
    bob = added(house, "bob")
    group = groups.create(control, caller, "Keepers 🔑")
    placed = project_groups.add(control, caller, project_id, group.id, PROJECT_OWNER.id)
    assert placed.role_ids == (PROJECT_OWNER.id,)
    groups.add_person(control, caller, group.id, bob)
    assert as_person(house, bob).authority.may(Permission.KEYS_WRITE, project_id)
    assert [item.group.id for item in project_groups.list_page(control, caller, project_id).items] == [group.id]
    groups.remove_person(control, caller, group.id, bob)
    assert not as_person(house, bob).authority.may(Permission.KEYS_WRITE, project_id)
    refused(lambda: groups.remove_person(control, caller, group.id, bob), ErrorCode.NOT_FOUND)
    groups.add_person(control, caller, group.id, bob)
    project_groups.remove(control, caller, project_id, group.id)
    assert not as_person(house, bob).authority.may(Permission.KEYS_WRITE, project_id)
    refused(lambda: project_groups.show(control, caller, project_id, group.id), ErrorCode.NOT_FOUND)
    groups.delete(control, caller, group.id)
    refused(lambda: groups.show(control, caller, group.id), ErrorCode.NOT_FOUND)


def test_nobody_puts_themselves_into_a_group_that_holds_more(house: House) -> None:
    control, project_id = house.control, house.project_id
    bob = added(house, "bob")
    group = groups.create(control, house.caller, "Keepers")
    project_groups.add(control, house.caller, project_id, group.id, PROJECT_OWNER.id)
    some = Authority(frozenset({Permission.GROUPS_READ, Permission.GROUPS_WRITE}))
    caller = Caller(house.caller.organization_id, Actor("session", bob), some)
    refused(lambda: groups.add_person(control, caller, group.id, bob), ErrorCode.INSUFFICIENT_PERMISSIONS)
    assert groups.create(control, caller, "Empty").name == "Empty"


def test_an_admin_key_may_do_no_more_than_its_person(house: House) -> None:
    bob = added(house, "bob", "reader")
    made = keys.create(house.control, house.caller, Holder(KeyKind.ADMIN, user_id=bob), KeyFields(name="bob's"))
    with house.store.read() as tx:
        allowed = authority.of_admin_key(tx, made.view.key)
    assert allowed.may(Permission.USERS_READ)
    assert not allowed.may(Permission.USERS_WRITE)
    people.update(house.control, house.caller, bob, role="member")
    with house.store.read() as tx:
        assert not authority.of_admin_key(tx, made.view.key).may(Permission.USERS_READ)


def test_another_organization_finds_nobody(house: House) -> None:
    bob = added(house, "bob")
    charlie = Caller.operator("org-other")
    refused(lambda: people.show(house.control, charlie, bob), ErrorCode.NOT_FOUND)
    refused(lambda: people.remove(house.control, charlie, bob), ErrorCode.NOT_FOUND)
    assert people.list_page(house.control, charlie).items == ()
