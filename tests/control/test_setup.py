"""The first run: everything in one transaction, once, and the secrets only in what it returns."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from keyhouse.control import keys, prices, setup
from keyhouse.control.context import Caller
from keyhouse.control.setup import FirstFacts
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.money import Price, Rates
from keyhouse.store.contract import Page
from tests.control.houses import NOW, empty_house


def test_first_facts_are_exactly_what_init_prints(tmp_path: Path) -> None:
    control = empty_house(tmp_path / "house")
    facts = setup.initialise(control)
    assert list(json.loads(json.dumps(facts.as_json()))) == [
        "organization_id", "project_id", "admin_key", "api_key", "owner_email", "owner_password",
    ]  # fmt: skip
    assert facts.admin_key.startswith("sk-khadm_")
    assert facts.api_key.startswith("sk-kh_")
    assert facts.owner_password is not None
    for secret in (facts.admin_key, facts.api_key, facts.owner_password):
        assert secret not in repr(facts)
        for path in (tmp_path / "house").rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes()
    control.store.close()


def test_owner_can_be_recognised_by_the_password(tmp_path: Path) -> None:
    control = empty_house(tmp_path / "house")
    facts = setup.initialise(control, owner_email="alice@example.com")
    with control.store.read() as tx:
        found = tx.people.by_email(facts.organization_id, "alice@example.com")
        types = [event.type for event in tx.audit.list(facts.organization_id, Page()).items]
    assert found is not None
    person, member = found
    assert member.role.value == "owner"
    assert person.password_hash is not None
    assert person.password_hash.startswith("$argon2id$")
    assert PasswordHasher().verify(person.password_hash, facts.owner_password or "")
    assert set(types) == {
        EventType.ORGANIZATION_CREATED, EventType.USER_ADDED, EventType.PROJECT_CREATED,
        EventType.ADMIN_KEY_CREATED, EventType.API_KEY_CREATED,
    }  # fmt: skip
    caller = Caller.operator(facts.organization_id)
    (admin,) = keys.list_page(control, caller, None).items
    (project_key,) = keys.list_page(control, caller, facts.project_id).items
    assert admin.owner.id == project_key.owner.id == person.id
    control.store.close()


def test_packaged_prices_are_in_force_from_the_first_run(tmp_path: Path) -> None:
    control = empty_house(tmp_path / "house")
    packaged = [Price("price_1", "m1", NOW - 9, Rates(input=5, output=7), source="genai-prices")]
    setup.initialise(control, iter(packaged))
    assert list(prices.current(control, Caller.operator("org-x"))) == packaged
    control.store.close()


def test_initialised_house_is_left_as_it_is(tmp_path: Path) -> None:
    control = empty_house(tmp_path / "house")
    facts = setup.initialise(control)
    with pytest.raises(KeyhouseError, match="initialised already; nothing was changed") as refused:
        setup.initialise(control)
    assert refused.value.code is ErrorCode.ALREADY_INITIALISED
    with control.store.read() as tx:
        assert [organization.id for organization in tx.organizations.all()] == [facts.organization_id]
        assert len(tx.audit.list(facts.organization_id, Page()).items) == 5
    control.store.close()


def test_of_several_first_runs_at_once_one_wins(tmp_path: Path) -> None:
    control = empty_house(tmp_path / "house")
    done: list[FirstFacts | ErrorCode] = []

    def run() -> None:
        try:
            done.append(setup.initialise(control))
        except KeyhouseError as error:
            done.append(error.code)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(one) for one in done].count(FirstFacts) == 1
    assert done.count(ErrorCode.ALREADY_INITIALISED) == 3
    control.store.close()


def test_first_run_that_fails_leaves_nothing(tmp_path: Path) -> None:
    control = empty_house(tmp_path / "house")
    twice = Price("price_1", "m1", NOW, Rates(input=1, output=1))
    with pytest.raises(KeyhouseError, match="contradicts what is stored"):
        setup.initialise(control, [twice, twice])
    with control.store.read() as tx:
        assert list(tx.organizations.all()) == []
    setup.initialise(control)
    control.store.close()
