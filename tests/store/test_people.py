"""People and their membership."""

from __future__ import annotations

from keyhouse.domain.people import Member, OrganizationRole
from keyhouse.store.contract import Store
from tests.store.makers import ALICE, BOB, CHARLIE, ORG, OTHER_ORG, make_person


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


def test_owners_are_those_with_the_role_first_added_first(store: Store) -> None:
    dora = make_person("user-dora", 50)
    with store.write() as transaction:
        transaction.people.add(dora, Member(ORG, dora.id, OrganizationRole.OWNER, 200))
    with store.read() as transaction:
        assert [person.id for person, _ in transaction.people.owners(ORG)] == [ALICE, dora.id]
        bob = transaction.people.get(ORG, BOB)
    assert bob is not None
    assert bob[1].role is OrganizationRole.READER
