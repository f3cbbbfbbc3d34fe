"""Service accounts: with a key or without, and deleted together with their keys."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from keyhouse.control import keys, projects, service_accounts
from keyhouse.control.context import Caller
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import OF_PROJECTS, PROJECT_MEMBER, Authority, Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind, KeyStatus
from tests.control.houses import House
from tests.control.test_roles import holding

STORES = ("sqlite", "postgres")


def test_account_comes_with_a_key_that_is_shown_once(house: House) -> None:
    made = service_accounts.create(house.control, house.caller, house.project_id, "robo")
    assert made.value is not None
    assert made.key is not None
    assert made.value.startswith("sk-khsvc_")
    assert house.accepts(made.value)
    assert made.value not in repr(made)
    assert not house.files_contain(made.value)
    shown = keys.show(house.control, house.caller, house.project_id, made.key.id)
    assert (shown.owner.kind, shown.owner.name, shown.owner.role) == ("service_account", "robo", "member")
    assert [e.type for e in house.events()[-2:]] == [EventType.SERVICE_ACCOUNT_CREATED, EventType.API_KEY_CREATED]


def test_account_without_a_key_has_none(house: House) -> None:
    made = service_accounts.create(house.control, house.caller, house.project_id, "robo", with_key=False)
    assert (made.key, made.value) == (None, None)
    assert house.events()[-1].type is EventType.SERVICE_ACCOUNT_CREATED


def test_account_is_renamed_and_given_another_role(house: House) -> None:
    account_id = service_accounts.create(house.control, house.caller, house.project_id, "robo").account.id
    control, caller, project_id = house.control, house.caller, house.project_id
    changed = service_accounts.update(control, caller, project_id, account_id, name="crawler", role="owner")
    assert (changed.name, changed.role) == ("crawler", "owner")
    assert service_accounts.show(control, caller, project_id, account_id) == changed
    event = house.events()[-1]
    told = {"changes_requested": {"name": "crawler", "role": "owner"}}
    assert (event.type, event.object_id, event.details) == (EventType.SERVICE_ACCOUNT_UPDATED, account_id, told)
    changed = service_accounts.update(control, caller, project_id, account_id, role="member")
    assert (changed.name, changed.role) == ("crawler", "member")
    assert house.events()[-1].details == {"changes_requested": {"role": "member"}}


@pytest.mark.parametrize(
    ("given", "role"),
    [
        ({}, "member"),
        ({"role": "owner"}, "owner"),
        ({"with_key": False}, "none"),
        ({"with_key": False, "role": "member"}, "member"),
    ],
)
def test_account_begins_as_a_member_or_with_no_role_if_made_alone(
    house: House, given: dict[str, Any], role: str
) -> None:
    made = service_accounts.create(house.control, house.caller, house.project_id, "robo", **given)
    assert made.account.role == role
    shown = service_accounts.show(house.control, house.caller, house.project_id, made.account.id)
    assert shown == made.account
    created = next(e for e in house.events() if e.type is EventType.SERVICE_ACCOUNT_CREATED)
    assert created.details == {"data": {"name": "robo", "role": role}}


def test_nobody_gives_or_takes_a_role_that_grants_more_than_they_hold(house: House) -> None:
    owned = service_accounts.create(house.control, house.caller, house.project_id, "owned", role="owner").account
    bare = service_accounts.create(house.control, house.caller, house.project_id, "bare", with_key=False).account
    before = house.events()
    clerk = holding(house, Permission.SERVICE_ACCOUNTS_WRITE, project_id=house.project_id)
    peer = holding(house, *PROJECT_MEMBER.permissions, Permission.SERVICE_ACCOUNTS_WRITE, project_id=house.project_id)
    control, project_id = house.control, house.project_id
    attempts: list[tuple[Caller, str | None, dict[str, Any]]] = [
        (clerk, None, {}),
        (clerk, None, {"role": "owner"}),
        (clerk, bare.id, {"role": "member"}),
        (clerk, owned.id, {"role": "member"}),
        (peer, None, {"role": "owner"}),
        (peer, bare.id, {"role": "owner"}),
        (peer, owned.id, {"role": "member"}),
    ]
    for caller, account_id, given in attempts:
        attempt = (
            partial(service_accounts.create, control, caller, project_id, "more", **given)
            if account_id is None
            else partial(service_accounts.update, control, caller, project_id, account_id, **given)
        )
        with pytest.raises(KeyhouseError, match="what you do not hold") as error:
            attempt()
        assert (error.value.code, error.value.param) == (ErrorCode.INSUFFICIENT_PERMISSIONS, "role")
    assert house.events() == before
    assert service_accounts.create(house.control, clerk, house.project_id, "a", with_key=False).account.role == "none"
    assert service_accounts.create(house.control, peer, house.project_id, "b").account.role == "member"
    assert service_accounts.update(house.control, peer, house.project_id, bare.id, role="member").role == "member"
    same = service_accounts.update(house.control, clerk, house.project_id, owned.id, name="renamed", role="owner")
    assert (same.name, same.role) == ("renamed", "owner")


def test_role_is_held_in_the_project_that_it_is_given_in(house: House) -> None:
    other = projects.create(house.control, house.caller, "other")
    owner_elsewhere = replace(
        house.as_admin(),
        authority=Authority(
            projects={other.id: OF_PROJECTS, house.project_id: frozenset({Permission.SERVICE_ACCOUNTS_WRITE})}
        ),
    )
    assert (
        service_accounts.create(house.control, owner_elsewhere, other.id, "robo", role="owner").account.role == "owner"
    )
    with pytest.raises(KeyhouseError, match="what you do not hold"):
        service_accounts.create(house.control, owner_elsewhere, house.project_id, "robo", role="owner")


def test_role_changes_nothing_of_what_a_key_may_do(house: House) -> None:
    made = service_accounts.create(house.control, house.caller, house.project_id, "robo")
    assert made.key is not None
    before = keys.show(house.control, house.caller, house.project_id, made.key.id).key
    service_accounts.update(house.control, house.caller, house.project_id, made.account.id, role="owner")
    shown = keys.show(house.control, house.caller, house.project_id, made.key.id)
    assert (shown.key, shown.owner.role) == (before, "owner")
    alone = service_accounts.create(house.control, house.caller, house.project_id, "alone", with_key=False).account
    holder = Holder(KeyKind.SERVICE_ACCOUNT, house.project_id, service_account_id=alone.id)
    assert house.accepts(keys.create(house.control, house.caller, holder, KeyFields(name="a")).value)


@pytest.mark.parametrize("role", ["none", "viewer", "Owner", "", None, [], {}, 1, True, "x" * 10_000])
def test_unknown_role_is_refused(house: House, role: object) -> None:
    control, caller, project_id = house.control, house.caller, house.project_id
    account_id = service_accounts.create(control, caller, project_id, "robo").account.id
    before = house.events()
    for attempt in (
        lambda: service_accounts.create(control, caller, project_id, "more", role=role),
        lambda: service_accounts.update(control, caller, project_id, account_id, role=role),
    ):
        with pytest.raises(KeyhouseError, match="'role' must be one of: owner, member") as refused:
            attempt()
        assert (refused.value.code, refused.value.param) == (ErrorCode.INVALID_VALUE, "role")
    with pytest.raises(KeyhouseError, match="Give something to change: name or role"):
        service_accounts.update(control, caller, project_id, account_id)
    assert house.events() == before


def test_role_in_an_archived_project_stays(house: House) -> None:
    project_id = projects.create(house.control, house.caller, "Search").id
    account_id = service_accounts.create(house.control, house.caller, project_id, "robo").account.id
    projects.archive(house.control, house.caller, project_id)
    with pytest.raises(KeyhouseError, match="is archived"):
        service_accounts.update(house.control, house.caller, project_id, account_id, role="owner")
    assert service_accounts.show(house.control, house.caller, project_id, account_id).role == "member"


def test_deleted_account_loses_every_key(house: House) -> None:
    made = service_accounts.create(house.control, house.caller, house.project_id, "robo")
    holder = Holder(KeyKind.SERVICE_ACCOUNT, house.project_id, service_account_id=made.account.id)
    extra = keys.create(house.control, house.caller, holder, KeyFields(name="extra"))
    other = service_accounts.create(house.control, house.caller, house.project_id, "other")
    assert made.value is not None
    assert other.value is not None
    service_accounts.delete(house.control, house.caller, house.project_id, made.account.id)
    assert [house.accepts(v) for v in (made.value, extra.value, other.value)] == [False, False, True]
    assert house.announced[-1] == house.changes()[-1].seq
    shown = keys.show(house.control, house.caller, house.project_id, extra.view.key.id)
    assert (shown.status, shown.owner.name, shown.owner.has_access) == (KeyStatus.REVOKED, "robo", False)
    types = [e.type for e in house.events()[-3:]]
    assert types == [EventType.API_KEY_DELETED, EventType.API_KEY_DELETED, EventType.SERVICE_ACCOUNT_DELETED]


def test_deleted_account_is_gone(house: House) -> None:
    account_id = service_accounts.create(house.control, house.caller, house.project_id, "robo").account.id
    service_accounts.delete(house.control, house.caller, house.project_id, account_id)
    assert service_accounts.list_page(house.control, house.caller, house.project_id).items == ()
    holder = Holder(KeyKind.SERVICE_ACCOUNT, house.project_id, service_account_id=account_id)
    for call in (
        lambda: service_accounts.show(house.control, house.caller, house.project_id, account_id),
        lambda: service_accounts.delete(house.control, house.caller, house.project_id, account_id),
        lambda: keys.create(house.control, house.caller, holder, KeyFields(name="late")),
    ):
        with pytest.raises(KeyhouseError, match="No service account with id") as refused:
            call()
        assert refused.value.code is ErrorCode.NOT_FOUND


def test_account_without_keys_is_deleted_too(house: House) -> None:
    made = service_accounts.create(house.control, house.caller, house.project_id, "robo", with_key=False)
    service_accounts.delete(house.control, house.caller, house.project_id, made.account.id)
    assert house.announced == []


def test_account_is_found_in_its_own_project_only(house: House) -> None:
    other = projects.create(house.control, house.caller, "other")
    account_id = service_accounts.create(house.control, house.caller, house.project_id, "robo").account.id
    with pytest.raises(KeyhouseError, match="No service account"):
        service_accounts.show(house.control, house.caller, other.id, account_id)
    holder = Holder(KeyKind.SERVICE_ACCOUNT, other.id, service_account_id=account_id)
    with pytest.raises(KeyhouseError, match="No service account"):
        keys.create(house.control, house.caller, holder, KeyFields(name="a"))
