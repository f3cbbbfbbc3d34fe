"""People and their membership."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.people import Group, GroupMember, Invite, Member, OrganizationRole, ProjectMember, ProjectRole
from keyhouse.store.contract import Page, Store
from tests.store.makers import ALICE, BOB, CHARLIE, ORG, OTHER_ORG, PROJECT, make_person


def test_a_member_is_found_by_id_and_by_email(store: Store) -> None:
    alice = (make_person(ALICE, 100), Member(ORG, ALICE, OrganizationRole.OWNER, 100))
    with store.read() as transaction:
        assert transaction.people.get(ORG, ALICE) == alice
        assert transaction.people.by_email(ORG, "alice@example.com") == alice


def test_an_outsider_is_not_found(store: Store) -> None:
    with store.read() as transaction:
        assert transaction.people.get(ORG, CHARLIE) is None
        assert transaction.people.by_email(ORG, "charlie@example.com") is None
        assert transaction.people.get(OTHER_ORG, CHARLIE) is not None


def test_some_members_are_read_at_once(store: Store) -> None:
    with store.read() as tx:
        some = tx.people.some(ORG, [BOB, CHARLIE, "user-none", ALICE])
        assert some == {ALICE: tx.people.get(ORG, ALICE), BOB: tx.people.get(ORG, BOB)}
        assert set(tx.people.some(ORG, [f"user-{number}" for number in range(1200)] + [BOB])) == {BOB}
        assert tx.people.some(ORG, []) == {}


def test_owners_are_those_with_the_role_first_added_first(store: Store) -> None:
    dora = make_person("user-dora", 50)
    with store.write() as transaction:
        transaction.people.add(dora, Member(ORG, dora.id, OrganizationRole.OWNER, 200))
    with store.read() as transaction:
        assert [person.id for person, _ in transaction.people.owners(ORG)] == [ALICE, dora.id]
        bob = transaction.people.get(ORG, BOB)
    assert bob is not None
    assert bob[1].role is OrganizationRole.READER


def test_members_are_listed_in_the_order_of_adding_and_by_email(store: Store) -> None:
    with store.read() as tx:
        assert [person.id for person, _ in tx.people.list(ORG, Page()).items] == [ALICE, BOB]
        first = tx.people.list(ORG, Page(limit=1))
        assert first.has_more
        assert [p.id for p, _ in tx.people.list(ORG, Page(after=ALICE, limit=1)).items] == [BOB]
        only = tx.people.list(ORG, Page(), emails=["bob@example.com", "charlie@example.com"])
        assert [person.id for person, _ in only.items] == [BOB]
        assert tx.people.list(ORG, Page(), emails=[]).items == ()


def test_a_person_of_the_house_may_be_a_member_of_several_organizations(store: Store) -> None:
    charlie = make_person(CHARLIE, 102)
    with store.write() as tx:
        assert tx.people.of_house("charlie@example.com") == charlie
        tx.people.add(charlie, Member(ORG, CHARLIE, OrganizationRole.MEMBER, 300))
    with store.read() as tx:
        assert tx.people.get(ORG, CHARLIE) is not None
        assert tx.people.get(OTHER_ORG, CHARLIE) is not None


def test_a_removed_member_leaves_projects_groups_and_roles_and_stays_known(store: Store) -> None:
    with store.write() as tx:
        tx.project_members.put(ProjectMember(ORG, PROJECT, BOB, ProjectRole.MEMBER, 200))
        tx.groups.add(Group("group_a", ORG, "A", 150))
        tx.groups.put_member(GroupMember(ORG, "group_a", BOB, 200))
        tx.people.remove_member(ORG, BOB)
    with store.read() as tx:
        assert tx.people.get(ORG, BOB) is None
        assert tx.project_members.get(ORG, PROJECT, BOB) is None
        assert tx.groups.get_member(ORG, "group_a", BOB) is None
        assert tx.people.of_house("bob@example.com") is not None


def test_a_member_is_saved_and_one_who_is_none_is_not(store: Store) -> None:
    with store.write() as tx:
        tx.people.save_member(Member(ORG, BOB, OrganizationRole.OWNER, 101, "expert", "builder"))
    with store.read() as tx:
        found = tx.people.get(ORG, BOB)
    assert found is not None
    assert found[1] == Member(ORG, BOB, OrganizationRole.OWNER, 101, "expert", "builder")
    with pytest.raises(KeyhouseError) as refused, store.write() as tx:
        tx.people.save_member(Member(ORG, CHARLIE, OrganizationRole.OWNER, 1))
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_a_person_is_in_a_project_once_and_changes_the_role_there(store: Store) -> None:
    with store.write() as tx:
        tx.project_members.put(ProjectMember(ORG, PROJECT, BOB, ProjectRole.MEMBER, 200))
        tx.project_members.put(ProjectMember(ORG, PROJECT, BOB, ProjectRole.VIEWER, 300))
        tx.project_members.put(ProjectMember(ORG, PROJECT, ALICE, ProjectRole.OWNER, 250))
    with store.read() as tx:
        assert tx.project_members.get(ORG, PROJECT, BOB) == ProjectMember(ORG, PROJECT, BOB, ProjectRole.VIEWER, 200)
        assert tx.project_members.get(OTHER_ORG, PROJECT, BOB) is None
        listed = tx.project_members.list(ORG, PROJECT, Page(limit=1))
        assert (listed.items[0][0].id, listed.has_more) == (BOB, True)
        after = tx.project_members.list(ORG, PROJECT, Page(after=BOB))
        assert [person.id for person, _ in after.items] == [ALICE]
        assert [(m.user_id, name) for m, name in tx.project_members.of(ORG, [BOB, ALICE])] == [
            (ALICE, "Default"), (BOB, "Default"),
        ]  # fmt: skip
    with store.write() as tx:
        assert tx.project_members.remove(ORG, PROJECT, BOB)
        assert not tx.project_members.remove(ORG, PROJECT, BOB)


def test_groups_are_listed_both_ways_and_go_on_past_what_was_deleted(store: Store) -> None:
    made = [Group(f"group_{number}", ORG, "Same name", 100 + number) for number in range(4)]
    with store.write() as tx:
        for group in made:
            tx.groups.add(group)
    with store.read() as tx:
        first = tx.groups.list(ORG, Page(limit=2))
    assert list(first.items) == made[:2]
    with store.write() as tx:
        tx.groups.remove(ORG, made[1].id)
        tx.groups.remove(OTHER_ORG, made[0].id)
    with store.read() as tx:
        assert list(tx.groups.list(ORG, Page(after=first.next, limit=5)).items) == made[2:]
        assert list(tx.groups.list(ORG, Page(newest_first=True)).items) == [made[3], made[2], made[0]]
        assert tx.groups.list(OTHER_ORG, Page()).items == ()


def test_people_are_in_a_group_once(store: Store) -> None:
    group = Group("group_a", ORG, "A", 150)
    with store.write() as tx:
        tx.groups.add(group)
        for at, user_id in ((200, BOB), (210, ALICE), (220, BOB)):
            tx.groups.put_member(GroupMember(ORG, group.id, user_id, at))
        listed = tx.groups.members(ORG, group.id, Page())
        assert [(person.id, member.added_at) for person, member in listed.items] == [(BOB, 200), (ALICE, 210)]
        assert tx.groups.remove_member(ORG, group.id, BOB)
        assert not tx.groups.remove_member(ORG, group.id, BOB)
        tx.groups.save(replace(group, name="B"))
        assert tx.groups.get(ORG, group.id) == replace(group, name="B")
        assert tx.groups.get(OTHER_ORG, group.id) is None


def test_invites_are_found_by_id_and_by_their_token_s_digest(store: Store) -> None:
    invite = Invite(
        "invite-1",
        ORG,
        "dora@example.com",
        OrganizationRole.READER,
        ((PROJECT, ProjectRole.MEMBER),),
        5,
        50,
        b"digest",
        ALICE,
    )
    with store.write() as tx:
        tx.invites.add(invite)
    with store.write() as tx:
        assert tx.invites.get(ORG, invite.id) == invite
        assert tx.invites.get(OTHER_ORG, invite.id) is None
        assert tx.invites.by_token(b"digest") == invite
        assert tx.invites.by_token(b"another") is None
        assert tx.invites.to(ORG, "dora@example.com") == [invite]
        assert tx.invites.to(ORG, "ann@example.com") == tx.invites.to(OTHER_ORG, "dora@example.com") == []
        tx.invites.save(replace(invite, accepted_at=7))
        assert [item.accepted_at for item in tx.invites.list(ORG, Page()).items] == [7]
        tx.invites.remove(ORG, invite.id)
        assert tx.invites.get(ORG, invite.id) is None
