"""Budgets of the organization, projects and keys: what may be set where, what gateways are told, what the audit keeps."""

from __future__ import annotations

from typing import Any

import pytest

from keyhouse.control import budgets, keys, projects
from keyhouse.control.budget_fields import BudgetFields
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.domain.audit import EventType
from keyhouse.domain.budgets import AtEnd, Budget, Interval
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.levels import Level
from keyhouse.store.contract import ChangeKind
from tests.control.houses import DAY, NOW, House

STORES = ("sqlite", "postgres")


def fields(**changes: object) -> BudgetFields:
    return BudgetFields(**{"name": "monthly", "amount": "100.00", "interval": "month", **changes})


def create(house: House, given: BudgetFields | None = None, **scope: object) -> Budget:
    return budgets.create(house.control, house.caller, given or fields(), **scope)


def new_key(house: House, project_id: str | None = None) -> str:
    holder = Holder(KeyKind.USER, project_id or house.project_id)
    return keys.create(house.control, house.caller, holder, KeyFields(name="laptop")).view.key.id


def refused(house: House, given: BudgetFields, **scope: object) -> KeyhouseError:
    before, known = house.events(), budgets.list_page(house.control, house.caller)
    with pytest.raises(KeyhouseError) as caught:
        create(house, given, **scope)
    assert (house.events(), budgets.list_page(house.control, house.caller)) == (before, known)
    return caught.value


def test_a_budget_holds_where_it_is_set(house: House) -> None:
    key_id = new_key(house)
    house.announced.clear()
    organization = create(house)
    project = create(house, project_id=house.project_id)
    of_key = create(house, key_id=key_id)
    both = create(house, fields(name="daily", interval="day"), key_id=key_id, project_id=house.project_id)
    assert (organization.level, organization.scope_id) == (Level.ORGANIZATION, house.caller.organization_id)
    assert (project.level, project.scope_id) == (Level.PROJECT, house.project_id)
    assert (of_key.level, of_key.scope_id) == (Level.KEY, key_id)
    assert (both.level, both.scope_id, both.interval) == (Level.KEY, key_id, Interval.DAY)
    assert organization.amount_nanos == 100_000_000_000
    assert organization.at_end is AtEnd.REFUSE
    kinds = [(change.kind, change.object_id) for change in house.changes()][-4:]
    assert kinds == [
        (ChangeKind.BUDGETS, ""),
        (ChangeKind.BUDGETS, ""),
        (ChangeKind.KEY, key_id),
        (ChangeKind.KEY, key_id),
    ]
    assert house.announced == [change.seq for change in house.changes()][-4:]
    event = house.events()[-1]
    assert (event.type, event.object_id, event.project_id) == (EventType.BUDGET_CREATED, both.id, house.project_id)
    assert event.details == {
        "level": "key", "scope_id": key_id, "name": "daily", "amount_nanos": 100_000_000_000, "interval": "day",
        "at_end": "refuse",
    }  # fmt: skip


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"name": ""}, "name", "1 to 256 characters"),
    ({"name": "a\x00b"}, "name", "control characters"),
    ({"name": None}, "name", "must be a string"),
    ({"amount": 100}, "amount", "as a text in quotes"),
    ({"amount": 0.1}, "amount", "as a text in quotes"),
    ({"amount": None}, "amount", "as a text in quotes"),
    ({"amount": ""}, "amount", "amount of US dollars such as 100.00"),
    ({"amount": "1,000"}, "amount", "amount of US dollars such as 100.00"),
    ({"amount": "1_000"}, "amount", "amount of US dollars such as 100.00"),
    ({"amount": "$5"}, "amount", "amount of US dollars such as 100.00"),
    ({"amount": "٣"}, "amount", "amount of US dollars such as 100.00"),
    ({"amount": "NaN"}, "amount", "amount of US dollars such as 100.00"),
    ({"amount": "Infinity"}, "amount", "amount of US dollars such as 100.00"),
    ({"amount": "-0.01"}, "amount", "between 0 and 1,000,000,000"),
    ({"amount": "1000000000.01"}, "amount", "between 0 and 1,000,000,000"),
    ({"amount": "1000000000000"}, "amount", "between 0 and 1,000,000,000"),
    ({"amount": "1e999999999"}, "amount", "between 0 and 1,000,000,000"),
    ({"amount": "9" * 5000}, "amount", "amount of US dollars such as 100.00"),
    ({"amount": "0.0000000001"}, "amount", "more than nine decimal places"),
    ({"interval": "year"}, "interval", '"day", "week", "month", "total"'),
    ({"interval": ["day"]}, "interval", '"day", "week", "month", "total"'),
    ({"at_end": "explode"}, "at_end", '"refuse", "throttle", "alert"'),
    ({"at_end": None}, "at_end", '"refuse", "throttle", "alert"'),
    ({"at_end": "throttle"}, "throttle_requests_per_minute", "is required"),
    ({"at_end": "throttle", "throttle_requests_per_minute": 0}, "throttle_requests_per_minute", "between 1 and"),
    ({"at_end": "throttle", "throttle_requests_per_minute": True}, "throttle_requests_per_minute", "between 1 and"),
    ({"at_end": "throttle", "throttle_requests_per_minute": 2**31}, "throttle_requests_per_minute", "between 1 and"),
    ({"increase": 5}, "increase", "null or {amount, until}"),
    ({"increase": {"amount": "5", "until": NOW + 1, "why": ""}}, "increase", "null or {amount, until}"),
    ({"increase": {"until": NOW + 1}}, "increase.amount", "is required"),
    ({"increase": {"amount": "0", "until": NOW + 1}}, "increase.amount", "more than 0"),
    ({"increase": {"amount": "5"}}, "increase.until", "in the future"),
    ({"increase": {"amount": "5", "until": NOW}}, "increase.until", "in the future"),
    ({"increase": {"amount": "5", "until": NOW + 3650 * DAY + 1}}, "increase.until", "at most ten years"),
    ({"increase": {"amount": "5", "until": True}}, "increase.until", "in the future"),
    ({"name": "spend_limit", "interval": "day"}, "interval", "its 'interval' is \"month\""),
    ({"name": "spend_limit", "at_end": "alert"}, "at_end", "its 'at_end' is \"refuse\""),
    ({"name": "spend_limit", "amount": "0.005"}, "amount", "whole cents, at least one"),
    ({"name": "spend_limit", "amount": "0"}, "amount", "whole cents, at least one"),
]


@pytest.mark.parametrize(("changes", "param", "sentence"), BAD)
def test_a_bad_field_is_refused_by_name(house: House, changes: dict[str, Any], param: str, sentence: str) -> None:
    error = refused(house, fields(**changes))
    assert (error.code, error.param) == (ErrorCode.INVALID_VALUE, param)
    assert sentence in error.message


@pytest.mark.parametrize("missing", ["name", "amount", "interval"])
def test_a_missing_field_is_refused_by_name(house: House, missing: str) -> None:
    given = {"name": "a", "amount": "1", "interval": "day"}
    del given[missing]
    error = refused(house, BudgetFields(**given))
    assert (error.param, error.message) == (missing, f"'{missing}' is required.")


@pytest.mark.parametrize(
    ("text", "nanos"),
    [("0", 0), ("0.000000001", 1), ("1000000000", 10**18), (" 12.5 ", 12_500_000_000), ("1e2", 10**11), ("-0", 0)],
)
def test_amounts_are_exact_to_the_nano(house: House, text: str, nanos: int) -> None:
    assert create(house, fields(amount=text)).amount_nanos == nanos


def test_a_scope_that_is_not_there_is_refused_by_name(house: House) -> None:
    other = projects.create(house.control, house.caller, "Search").id
    key_id = new_key(house)
    for scope, param in (
        ({"project_id": "proj_none"}, "project_id"),
        ({"project_id": ""}, "project_id"),
        ({"key_id": "key_none"}, "key_id"),
        ({"key_id": key_id, "project_id": other}, "key_id"),
    ):
        error = refused(house, fields(), **scope)
        assert (error.code, error.param) == (ErrorCode.NOT_FOUND, param)
    assert refused(house, fields(), project_id=7).param == "project_id"


def test_an_admin_key_has_no_budget(house: House) -> None:
    made = keys.create(house.control, house.caller, Holder(KeyKind.ADMIN), KeyFields(name="ops"))
    assert "calls no model" in refused(house, fields(), key_id=made.view.key.id).message


def test_nothing_is_set_where_nothing_is_spent_any_more(house: House) -> None:
    project_id = projects.create(house.control, house.caller, "Search").id
    key_id, revoked = new_key(house, project_id), new_key(house)
    kept = create(house, project_id=project_id)
    projects.archive(house.control, house.caller, project_id)
    keys.revoke(house.control, house.caller, house.project_id, revoked)
    for scope in ({"project_id": project_id}, {"key_id": key_id}, {"key_id": revoked}):
        assert refused(house, fields(name="x"), **scope).code is ErrorCode.CONFLICT
    with pytest.raises(KeyhouseError, match="archived"):
        budgets.update(house.control, house.caller, kept.id, BudgetFields(amount="1"))
    assert budgets.remove(house.control, house.caller, kept.id) == kept


def test_a_name_is_taken_once_in_its_scope(house: House) -> None:
    create(house)
    create(house, project_id=house.project_id)
    error = refused(house, fields())
    assert (error.code, error.param) == (ErrorCode.CONFLICT, "name")
    other = create(house, fields(name="other"))
    with pytest.raises(KeyhouseError) as caught:
        budgets.update(house.control, house.caller, other.id, BudgetFields(name="monthly"))
    assert (caught.value.code, caught.value.param) == (ErrorCode.CONFLICT, "name")


def test_a_scope_has_a_bounded_number_of_budgets(house: House) -> None:
    for number in range(budgets.MAX_BUDGETS):
        create(house, fields(name=f"b{number}"))
    assert "as many as there may be" in refused(house, fields(name="one more")).message
    create(house, project_id=house.project_id)


def test_an_update_changes_what_is_given(house: House) -> None:
    budget = create(house)
    house.announced.clear()
    changed = budgets.update(
        house.control, house.caller, budget.id,
        BudgetFields(amount="0", at_end="throttle", throttle_requests_per_minute=3, name="slow"),
    )  # fmt: skip
    assert (changed.amount_nanos, changed.at_end, changed.throttle_per_minute) == (0, AtEnd.THROTTLE, 3)
    assert (changed.name, changed.interval, changed.id) == ("slow", Interval.MONTH, budget.id)
    assert budgets.show(house.control, house.caller, budget.id) == changed
    assert len(house.announced) == 1
    assert house.events()[-1].type is EventType.BUDGET_UPDATED
    again = budgets.update(house.control, house.caller, budget.id, BudgetFields(at_end="alert"))
    assert again.throttle_per_minute is None


def test_a_budgets_interval_stays(house: House) -> None:
    """Two intervals may begin a period in the same second, and a balance is known by that."""
    budget = create(house)
    with pytest.raises(KeyhouseError) as caught:
        budgets.update(house.control, house.caller, budget.id, BudgetFields(interval="day"))
    assert caught.value.param == "interval"
    budgets.update(house.control, house.caller, budget.id, BudgetFields(interval="month", amount="2"))
    with pytest.raises(KeyhouseError, match="something to change"):
        budgets.update(house.control, house.caller, budget.id, BudgetFields())


def test_an_increase_holds_until_its_end(house: House) -> None:
    budget = create(house)
    grown = budgets.grant_increase(house.control, house.caller, budget.id, "50.5", NOW + DAY)
    assert grown.amount_at(NOW) == 150_500_000_000
    assert grown.amount_at(NOW + DAY - 1) == 150_500_000_000
    assert grown.amount_at(NOW + DAY) == 100_000_000_000
    details = house.events()[-1].details
    assert details["changes_requested"] == {"increase_nanos": 50_500_000_000, "increase_until": NOW + DAY}
    ended = budgets.update(house.control, house.caller, budget.id, BudgetFields(increase=None))
    assert (ended.amount_at(NOW), ended.increase_until) == (100_000_000_000, None)
    greatest = budgets.update(
        house.control, house.caller, budget.id,
        BudgetFields(amount="1e9", increase={"amount": "1e9", "until": NOW + 1}),
    )  # fmt: skip
    assert greatest.amount_at(NOW) == 2 * 10**18 < 2**63


def test_a_removed_budget_is_gone(house: House) -> None:
    budget = create(house)
    house.announced.clear()
    budgets.remove(house.control, house.caller, budget.id)
    assert house.events()[-1].type is EventType.BUDGET_DELETED
    assert len(house.announced) == 1
    for verb in (budgets.show, budgets.remove):
        with pytest.raises(KeyhouseError) as caught:
            verb(house.control, house.caller, budget.id)
        assert caught.value.code is ErrorCode.NOT_FOUND


def test_lists_show_a_level_or_a_scope(house: House) -> None:
    key_id = new_key(house)
    organization = create(house)
    house.clock.now += 1
    project = create(house, project_id=house.project_id)
    house.clock.now += 1
    of_key = create(house, key_id=key_id)

    def listed(**where: Any) -> list[Budget]:
        return list(budgets.list_page(house.control, house.caller, **where).items)

    assert listed() == [organization, project, of_key]
    assert listed(level="organization") == [organization]
    assert listed(project_id=house.project_id) == [project]
    assert listed(key_id=key_id) == [of_key]
    assert listed(level="project", key_id=key_id) == []
    assert listed(after=organization.id, limit=1) == [project]
    with pytest.raises(KeyhouseError, match="No project"):
        listed(project_id="proj_none")
