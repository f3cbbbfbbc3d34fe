"""Further organizations: made whole or not at all, named once, and kept apart from the one that runs the house."""

from __future__ import annotations

from dataclasses import replace

import pytest
from argon2 import PasswordHasher

from keyhouse.control import audit, keys, limits, organizations, people, prices, role_assignments, roles, upstreams
from keyhouse.control.authority import of_admin_key, of_person
from keyhouse.control.context import Caller
from keyhouse.control.held_roles import Principal
from keyhouse.control.prices import DollarRates
from keyhouse.control.setup import FirstFacts
from keyhouse.control.upstream_fields import UpstreamFields
from keyhouse.domain.audit import Actor, EventType
from keyhouse.domain.authority import FULL_AUTHORITY, OF_HOUSE, Authority, Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.people import PrincipalKind
from keyhouse.store.contract import KeyFilter, Page
from tests.control.houses import House, empty_house

STORES = ("sqlite", "postgres")
URL = "https://models.example/v1"


def owner_of(house: House, facts: FirstFacts) -> Caller:
    """The organization's owner, by the admin key that was made with it."""
    with house.store.read() as tx:
        (key,) = tx.keys.list(facts.organization_id, KeyFilter(kinds=(KeyKind.ADMIN,)), Page()).items
        return Caller(facts.organization_id, Actor("api_key", key.user_id, key.id), of_admin_key(tx, key))


def test_a_further_organization_has_what_the_first_one_was_made_with(house: House) -> None:
    facts = organizations.create(house.control, " Acme ", "Zoe@Example.com")
    assert list(facts.as_json()) == list(house.facts.as_json())
    assert house.accepts(facts.admin_key)
    assert house.accepts(facts.api_key)
    operator = Caller.operator(facts.organization_id)
    with house.store.read() as tx:
        found = tx.people.by_email(facts.organization_id, "zoe@example.com")
        events = tx.audit.list(facts.organization_id, Page(), oldest_first=True).items
    assert found is not None
    assert PasswordHasher().verify(found[0].password_hash or "", facts.owner_password or "")
    assert [event.type for event in events] == [
        EventType.ORGANIZATION_CREATED,
        EventType.USER_ADDED,
        EventType.PROJECT_CREATED,
        EventType.ADMIN_KEY_CREATED,
        EventType.API_KEY_CREATED,
    ]
    assert [view.key.user_id for view in keys.list_page(house.control, operator, None).items] == [found[0].id]
    for secret in (facts.admin_key, facts.api_key, facts.owner_password or ""):
        assert secret not in repr(facts)
        assert not house.files_contain(secret)


def test_without_an_email_the_owner_is_nobody_who_was_there(house: House) -> None:
    facts = organizations.create(house.control, "Acme")
    assert facts.owner_email == f"owner@{facts.organization_id.lower()}.localhost"
    assert facts.owner_password is not None


def test_an_owner_whom_the_house_knows_keeps_their_password(house: House) -> None:
    facts = organizations.create(house.control, "Acme", house.facts.owner_email)
    assert facts.as_json()["owner_password"] is None
    with house.store.read() as tx:
        both = [
            tx.people.by_email(id_, facts.owner_email) for id_ in (facts.organization_id, house.facts.organization_id)
        ]
    assert both[0] is not None
    assert both[1] is not None
    assert both[0][0] == both[1][0]


@pytest.mark.parametrize("name", ["Keyhouse", "keyhouse ", "KEYHOUSE"])
def test_a_name_that_is_taken_is_refused_and_nothing_is_made(house: House, name: str) -> None:
    with pytest.raises(KeyhouseError, match="in this house already") as refused:
        organizations.create(house.control, name, "zoe@example.com")
    assert (refused.value.code, refused.value.param) == (ErrorCode.CONFLICT, "name")
    with house.store.read() as tx:
        assert tx.people.of_house("zoe@example.com") is None
        assert len(tx.organizations.all()) == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 10_000, "a\nb", "\ud800", None, 7, ["Acme"]])
def test_what_is_no_name_is_refused(house: House, name: object) -> None:
    for change in (organizations.create, lambda control, wrong: organizations.rename(control, "Keyhouse", wrong)):
        with pytest.raises(KeyhouseError) as refused:
            change(house.control, name)
        assert (refused.value.code, refused.value.param) == (ErrorCode.INVALID_VALUE, "name")
    assert len(organizations.list_all(house.control)) == 1


@pytest.mark.parametrize("email", ["", "zoe", "a@b@c", "a b@c.example", 7])
def test_what_is_no_email_is_refused(house: House, email: object) -> None:
    with pytest.raises(KeyhouseError) as refused:
        organizations.create(house.control, "Acme", email)
    assert refused.value.param == "owner_email"


def test_they_are_listed_shown_and_renamed_by_name_and_id(house: House) -> None:
    made = organizations.create(house.control, "שלום 🔑")
    first, further = organizations.list_all(house.control)
    assert (first.organization.id, first.runs_house) == (house.facts.organization_id, True)
    assert (further.organization.id, further.runs_house) == (made.organization_id, False)
    for which in ("שלום 🔑", made.organization_id):
        assert organizations.show(house.control, which) == further
    renamed = organizations.rename(house.control, made.organization_id, "Acme")
    assert renamed.organization == replace(further.organization, name="Acme")
    assert organizations.rename(house.control, "Acme", "ACME").organization.name == "ACME"
    with house.store.read() as tx:
        (event, *_) = tx.audit.list(made.organization_id, Page(limit=1)).items
    assert event.type is EventType.ORGANIZATION_UPDATED
    assert event.details == {"changes_requested": {"name": "ACME", "title": "ACME"}}
    with pytest.raises(KeyhouseError, match="named 'Keyhouse'"):
        organizations.rename(house.control, "ACME", "Keyhouse")
    with pytest.raises(KeyhouseError, match="no organization 'Acme'") as refused:
        organizations.show(house.control, "Acme")
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_where_none_is_named_the_one_that_runs_the_house_is_entered(house: House) -> None:
    assert organizations.entered(house.control, None).of_several is False
    made = organizations.create(house.control, "Acme")
    found = organizations.entered(house.control, None)
    assert (found.organization.id, found.of_several) == (house.facts.organization_id, True)
    assert organizations.entered(house.control, "Acme").organization.id == made.organization_id
    assert organizations.entered(house.control, made.organization_id).organization.name == "Acme"


def test_a_house_that_is_not_initialised_has_no_further_ones(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> None:
    control = empty_house(tmp_path_factory.mktemp("empty") / "house")
    for verb in (lambda: organizations.create(control, "Acme"), lambda: organizations.entered(control, None)):
        with pytest.raises(KeyhouseError, match="no organization yet"):
            verb()
    control.store.close()
    assert house.facts


def test_owners_of_a_further_organization_change_nothing_that_serves_all(house: House) -> None:
    facts = organizations.create(house.control, "Acme")
    owner = owner_of(house, facts)
    assert owner.authority.everywhere == frozenset(Permission) - OF_HOUSE
    before = (len(house.changes()), len(list(prices.current(house.control, house.caller))))
    for change in (
        lambda: prices.set_price(house.control, owner, "m", DollarRates("1", "1")),
        lambda: upstreams.add(house.control, owner, UpstreamFields("u", URL, models=["m"]), house.list_models),
        lambda: upstreams.remove(house.control, owner, "ups_x"),
    ):
        with pytest.raises(KeyhouseError, match="Prices and upstreams are the house's") as refused:
            change()
        assert refused.value.code is ErrorCode.INSUFFICIENT_PERMISSIONS
    assert (len(house.changes()), len(list(prices.current(house.control, owner)))) == before


def test_what_is_about_the_house_is_missing_to_nobody_who_passes_on_the_rest(house: House) -> None:
    """The owner's role of a further organization can be given there, although nobody there holds all that it names."""
    facts = organizations.create(house.control, "Acme")
    owner = owner_of(house, facts)
    bob = people.add(house.control, owner, "bob@example.com", "Bob", "owner").view.person
    principal = Principal(PrincipalKind.USER, bob.id)
    role_assignments.assign(house.control, owner, None, principal, "role-organization-reader")
    role_assignments.assign(house.control, owner, None, principal, "role-organization-owner")
    weaker = replace(
        owner, authority=replace(owner.authority, everywhere=owner.authority.everywhere - {Permission.AUDIT_READ})
    )
    with pytest.raises(KeyhouseError, match="audit_logs"):
        people.add(house.control, weaker, "eve@example.com", "Eve", "owner")


def test_who_leaves_one_organization_stays_in_the_other_with_keys_and_roles(house: House) -> None:
    facts = organizations.create(house.control, "Acme", house.facts.owner_email)
    acme = Caller.operator(facts.organization_id)
    people.add(house.control, acme, "bob@example.com", "Bob", "owner")
    owner = owner_of(house, facts)
    gone = people.remove(house.control, acme, owner.actor.user_id or "")
    assert {key.organization_id for key in gone.keys} == {facts.organization_id}
    assert not house.accepts(facts.admin_key)
    assert not house.accepts(facts.api_key)
    assert house.accepts(house.facts.admin_key)
    assert house.accepts(house.facts.api_key)
    with house.store.read() as tx:
        here, there = (
            of_person(tx, id_, owner.actor.user_id or "")
            for id_ in (house.facts.organization_id, facts.organization_id)
        )
    assert here == FULL_AUTHORITY
    assert there == Authority(of_house=False)


@pytest.mark.parametrize("permission", list(OF_HOUSE))
def test_no_role_that_is_made_grants_what_is_about_the_house(house: House, permission: Permission) -> None:
    given = {"role_name": "r", "permissions": ["api.groups.read", permission.value]}
    with pytest.raises(KeyhouseError, match="granted by no role that is made") as refused:
        roles.create(house.control, house.caller, None, given)
    assert (refused.value.code, refused.value.param) == (ErrorCode.INVALID_VALUE, "permissions[1]")
    made = roles.create(house.control, house.caller, None, {**given, "permissions": []})
    with pytest.raises(KeyhouseError) as refused:
        roles.update(house.control, house.caller, None, made.id, given)
    assert refused.value.param == "permissions[1]"


def test_the_operator_gives_a_further_organization_an_upstream_that_is_its_own(house: House) -> None:
    facts = organizations.create(house.control, "Acme")
    owner = owner_of(house, facts)
    shared = UpstreamFields("shared", URL, models=["gpt-4o", "gpt-*"])
    upstreams.add(house.control, house.caller, shared, house.list_models)
    private = UpstreamFields("private", URL, models=["private"], project_id=house.project_id)
    upstreams.add(house.control, house.caller, private, house.list_models)
    assert upstreams.list_page(house.control, owner).items == ()
    own = UpstreamFields("own", URL, models=["own"], project_id=facts.project_id)
    made = upstreams.add(house.control, Caller.operator(facts.organization_id), own, house.list_models).upstream
    assert upstreams.list_page(house.control, owner).items == (made,)
    assert "own" not in [upstream.name for upstream in upstreams.list_page(house.control, house.as_admin()).items]
    known = [row.rule.model for row in limits.list_page(house.control, owner, facts.project_id).items]
    assert known == ["gpt-4o", "own"]
    assert "own" not in [
        row.rule.model for row in limits.list_page(house.control, house.caller, house.project_id).items
    ]


def test_a_price_is_an_event_of_the_organization_that_runs_the_house(house: House) -> None:
    facts = organizations.create(house.control, "Acme")
    operator = Caller.operator(facts.organization_id)
    price = prices.set_price(house.control, operator, "m", DollarRates("1", "2"))
    assert house.events()[-1].object_id == price.id
    wanted = audit.Wanted(event_types=["price.set"])
    assert audit.list_page(house.control, operator, wanted).items == ()
