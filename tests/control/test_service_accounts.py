"""Service accounts: with a key or without, and deleted together with their keys."""

from __future__ import annotations

import pytest

from keyhouse.control import keys, projects, service_accounts
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind, KeyStatus
from tests.control.houses import House

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


def test_account_is_renamed_and_its_role_is_not_enforced_yet(house: House) -> None:
    account_id = service_accounts.create(house.control, house.caller, house.project_id, "robo").account.id
    control, caller, project_id = house.control, house.caller, house.project_id
    assert service_accounts.update(control, caller, project_id, account_id, name="crawler").name == "crawler"
    assert service_accounts.update(control, caller, project_id, account_id, role="member").name == "crawler"
    roles: list[object] = ["owner", None, [], "none"]
    for role in roles:
        with pytest.raises(KeyhouseError, match="'role' is not enforced yet") as refused:
            service_accounts.update(control, caller, project_id, account_id, role=role)
        assert refused.value.code is ErrorCode.NOT_SUPPORTED
    with pytest.raises(KeyhouseError, match="Give something to change"):
        service_accounts.update(control, caller, project_id, account_id)
    assert service_accounts.show(control, caller, project_id, account_id).role == "member"


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
