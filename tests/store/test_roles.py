"""Roles that somebody made, and who holds which."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyhouse.domain.authority import (
    ORGANIZATION_OWNER,
    ORGANIZATION_READER,
    PROJECT_VIEWER,
    Held,
    Permission,
    Role,
    RoleKind,
)
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.people import Group, GroupMember, PrincipalKind, RoleAssignment
from keyhouse.store.contract import Store
from tests.store.makers import ALICE, BOB, CHARLIE, ORG, OTHER_ORG, OTHER_PROJECT, PROJECT

AUDITOR = Role(
    "role_auditor",
    "auditor",
    RoleKind.ORGANIZATION,
    frozenset({Permission.AUDIT_READ}),
    "Reads the log.",
    ORG,
    None,
    5,
    5,
)
KEEPER = replace(AUDITOR, id="role_keeper", name="keeper", kind=RoleKind.PROJECT, project_id=PROJECT, created_at=6)


def assigned(role: Role, user_id: str = BOB, project_id: str | None = None, at: int = 10) -> RoleAssignment:
    return RoleAssignment(ORG, PrincipalKind.USER, user_id, role.id, at, project_id, ALICE)


def test_a_role_is_kept_as_it_was_made(store: Store) -> None:
    with store.write() as tx:
        tx.roles.add(AUDITOR)
        tx.roles.add(KEEPER)
    with store.read() as tx:
        assert tx.roles.get(ORG, AUDITOR.id) == AUDITOR
        assert tx.roles.get(OTHER_ORG, AUDITOR.id) is None
        assert tx.roles.all(ORG, None) == [AUDITOR]
        assert tx.roles.all(ORG, PROJECT) == [KEEPER]
        assert tx.roles.all(ORG, OTHER_PROJECT) == []


def test_a_role_that_was_never_added_cannot_be_saved(store: Store) -> None:
    with pytest.raises(KeyhouseError) as refused, store.write() as tx:
        tx.roles.save(AUDITOR)
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_what_people_hold_adds_up_from_membership_and_assignments(store: Store) -> None:
    with store.write() as tx:
        tx.roles.add(AUDITOR)
        tx.role_assignments.add(assigned(AUDITOR))
        tx.role_assignments.add(assigned(PROJECT_VIEWER, project_id=OTHER_PROJECT))
    with store.read() as tx:
        held = tx.role_assignments.held_by(ORG, BOB)
        assert set(held) == {Held(ORGANIZATION_READER), Held(AUDITOR), Held(PROJECT_VIEWER, OTHER_PROJECT)}
        assert tx.role_assignments.held_by(ORG, ALICE) == [Held(ORGANIZATION_OWNER)]


def test_who_is_no_member_holds_nothing_even_if_something_is_assigned(store: Store) -> None:
    with store.write() as tx:
        tx.role_assignments.add(assigned(ORGANIZATION_OWNER, CHARLIE))
    with store.read() as tx:
        assert tx.role_assignments.held_by(ORG, CHARLIE) == []
        assert tx.role_assignments.held_by(OTHER_ORG, BOB) == []


def test_an_assignment_is_there_once_and_goes_once(store: Store) -> None:
    with store.write() as tx:
        tx.roles.add(AUDITOR)
        tx.role_assignments.add(assigned(AUDITOR))
        tx.role_assignments.add(assigned(AUDITOR, at=11))
        assert tx.role_assignments.of(ORG, PrincipalKind.USER, BOB, None) == [assigned(AUDITOR)]
        assert tx.role_assignments.remove(assigned(AUDITOR))
        assert not tx.role_assignments.remove(assigned(AUDITOR))
        assert tx.role_assignments.of(ORG, PrincipalKind.USER, BOB, None) == []


def test_a_removed_role_is_taken_from_everybody(store: Store) -> None:
    with store.write() as tx:
        tx.roles.add(AUDITOR)
        tx.role_assignments.add(assigned(AUDITOR))
        tx.roles.remove(ORG, AUDITOR.id)
    with store.read() as tx:
        assert tx.roles.get(ORG, AUDITOR.id) is None
        assert tx.role_assignments.of(ORG, PrincipalKind.USER, BOB, None) == []
        assert tx.role_assignments.held_by(ORG, BOB) == [Held(ORGANIZATION_READER)]


def test_forgetting_somebody_takes_their_roles_in_one_project_or_everywhere(store: Store) -> None:
    with store.write() as tx:
        for place in (None, PROJECT, OTHER_PROJECT):
            tx.role_assignments.add(assigned(PROJECT_VIEWER, project_id=place))
        tx.role_assignments.forget(ORG, PrincipalKind.USER, BOB, PROJECT)
        assert tx.role_assignments.of(ORG, PrincipalKind.USER, BOB, PROJECT) == []
        assert len(tx.role_assignments.of(ORG, PrincipalKind.USER, BOB, OTHER_PROJECT)) == 1
        tx.role_assignments.forget(ORG, PrincipalKind.USER, BOB, None)
        assert tx.role_assignments.held_by(ORG, BOB) == [Held(ORGANIZATION_READER)]


def test_what_reaches_a_person_is_told_with_its_holder(store: Store) -> None:
    own, through = assigned(AUDITOR), replace(assigned(AUDITOR), principal=PrincipalKind.GROUP, principal_id="group_a")
    with store.write() as tx:
        tx.roles.add(AUDITOR)
        tx.groups.add(Group("group_a", ORG, "a", 5))
        tx.groups.put_member(GroupMember(ORG, "group_a", BOB, 6))
        for one in (own, through, replace(through, project_id=PROJECT), replace(own, principal_id=ALICE)):
            tx.role_assignments.add(one)
    with store.read() as tx:
        assert tx.role_assignments.reaching(ORG, BOB, None) == [through, own]
        assert tx.role_assignments.reaching(ORG, BOB, PROJECT) == [replace(through, project_id=PROJECT)]
        assert tx.role_assignments.reaching(ORG, CHARLIE, None) == []
        assert tx.role_assignments.reaching(OTHER_ORG, BOB, None) == []
