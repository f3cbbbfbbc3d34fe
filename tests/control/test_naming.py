"""Objects by id or by name: a name must mean one thing."""

from __future__ import annotations

import pytest

from keyhouse.control import keys, naming, projects, service_accounts
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from tests.control.houses import House


def new_key(house: House, name: str, project_id: str | None = None, kind: KeyKind = KeyKind.USER) -> str:
    place = None if kind is KeyKind.ADMIN else project_id or house.project_id
    return keys.create(house.control, house.caller, Holder(kind, place), KeyFields(name=name)).view.key.id


def test_key_is_found_by_id_and_by_name(house: House) -> None:
    key_id = new_key(house, "laptop")
    assert naming.find_key(house.control, house.caller, key_id).id == key_id
    assert naming.find_key(house.control, house.caller, "laptop").id == key_id


def test_name_of_two_keys_is_refused_with_their_ids(house: House) -> None:
    ids = [new_key(house, "laptop"), new_key(house, "laptop", kind=KeyKind.ADMIN)]
    with pytest.raises(KeyhouseError, match="'laptop' names 2 keys; use an id") as refused:
        naming.find_key(house.control, house.caller, "laptop")
    assert all(key_id in refused.value.message for key_id in ids)
    assert naming.find_key(house.control, house.caller, "laptop", kinds=(KeyKind.ADMIN,)).id == ids[1]
    assert naming.find_key(house.control, house.caller, "laptop", project_id=house.project_id).id == ids[0]


def test_name_means_the_key_that_is_not_revoked(house: House) -> None:
    old = new_key(house, "laptop")
    keys.revoke(house.control, house.caller, house.project_id, old)
    assert naming.find_key(house.control, house.caller, "laptop").id == old
    new = new_key(house, "laptop")
    assert naming.find_key(house.control, house.caller, "laptop").id == new


def test_unknown_name_is_not_found(house: House) -> None:
    with pytest.raises(KeyhouseError, match="No key with id 'nothing' was found") as refused:
        naming.find_key(house.control, house.caller, "nothing")
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_id_of_another_project_is_not_found_there(house: House) -> None:
    other = projects.create(house.control, house.caller, "other")
    key_id = new_key(house, "laptop")
    with pytest.raises(KeyhouseError, match="No key with id"):
        naming.find_key(house.control, house.caller, key_id, project_id=other.id)


def test_projects_and_accounts_are_found_by_name(house: House) -> None:
    made = projects.create(house.control, house.caller, "Search")
    robo = service_accounts.create(house.control, house.caller, made.id, "robo").account
    assert naming.find_project(house.control, house.caller, "Search") == made
    assert naming.find_project(house.control, house.caller, made.id) == made
    assert naming.default_project(house.control, house.caller).id == house.project_id
    assert naming.find_service_account(house.control, house.caller, made.id, "robo") == robo
    with pytest.raises(KeyhouseError, match="No service account with id 'robo' was found"):
        naming.find_service_account(house.control, house.caller, house.project_id, "robo")
    with pytest.raises(KeyhouseError, match="No project with id 'search' was found"):
        naming.find_project(house.control, house.caller, "search")


def test_names_are_looked_for_beyond_the_first_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyhouse.control.pages._PAGE", 2)
    ids = [new_key(house, f"key {number}") for number in range(7)]
    assert naming.find_key(house.control, house.caller, "key 6").id == ids[6]
