"""Increases: asked for, granted for good or for a time, denied; each step audited."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyhouse.control import budgets, increases, keys, limits, projects
from keyhouse.control.budget_fields import BudgetFields
from keyhouse.control.fields import UNSET
from keyhouse.control.increase_fields import IncreaseFields
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.limit_fields import LimitFields
from keyhouse.control.minting import Holder
from keyhouse.domain.audit import EventType
from keyhouse.domain.budgets import Budget
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.increases import IncreaseRequest, IncreaseStatus
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.levels import Level
from keyhouse.domain.limits import NO_LIMIT
from keyhouse.store.contract import ChangeKind
from tests.control.houses import DAY, NOW, House

STORES = ("sqlite", "postgres")
RPM, TPM = "max_requests_per_1_minute", "max_tokens_per_1_minute"


def set_limits(house: House, numbers: dict[str, int], project_id: str | None = "") -> None:
    place = house.project_id if project_id == "" else project_id
    limits.set_model(house.control, house.caller, place, "gpt-4o", LimitFields(**numbers))


def in_force(house: House, project_id: str | None = "") -> dict[str, int]:
    place = house.project_id if project_id == "" else project_id
    return limits.list_page(house.control, house.caller, place).items[0].in_force.given


def ask(house: House, wanted: dict[str, int], until: object = UNSET) -> IncreaseRequest:
    given = IncreaseFields("Launch", house.project_id, "gpt-4o", wanted, until=until)
    return increases.request(house.control, house.as_admin(), given)


def grant(house: House, request: IncreaseRequest, until: object = UNSET) -> IncreaseRequest:
    return increases.grant(house.control, house.caller, request.id, until=until)


def add_budget(house: House, **place: str) -> Budget:
    given = BudgetFields(name="month", amount="100", interval="month")
    return budgets.create(house.control, house.caller, given, **place)


def ask_money(house: House, budget: Budget, amount: object = "50", until: object = NOW + DAY) -> IncreaseRequest:
    given = IncreaseFields("Launch", budget_id=budget.id, amount=amount, until=until)
    return increases.request(house.control, house.as_admin(), given)


def test_asking_changes_nothing_but_the_audit(house: House) -> None:
    set_limits(house, {RPM: 10})
    changes = house.changes()
    asked = ask(house, {RPM: 50})
    assert in_force(house) == {RPM: 10}
    assert house.changes() == changes
    assert (asked.status, asked.level, asked.scope_id) == (IncreaseStatus.OPEN, Level.PROJECT, house.project_id)
    assert asked.requested_by == house.as_admin().actor
    assert increases.show(house.control, house.caller, asked.id) == asked
    event = house.events()[-1]
    assert (event.type, event.object_id, event.project_id, replace(event.actor, email=None)) == (
        EventType.INCREASE_REQUEST_CREATED, asked.id, house.project_id, asked.requested_by,
    )  # fmt: skip
    assert event.details == {
        "kind": "rate_limit", "model": "gpt-4o", "rate_limits": {RPM: 50}, "until": None, "reason": "Launch",
    }  # fmt: skip


def test_an_increase_without_an_end_stays(house: House) -> None:
    set_limits(house, {RPM: 10, TPM: 1000})
    asked = ask(house, {RPM: 50})
    granted = grant(house, asked)
    assert (granted.status, granted.decided_at, granted.decided_by) == (
        IncreaseStatus.GRANTED, NOW, house.caller.actor,
    )  # fmt: skip
    house.clock.now += 3650 * DAY
    assert in_force(house) == {RPM: 50, TPM: 1000}
    change = house.changes()[-1]
    assert (change.kind, change.object_id, house.announced[-1]) == (ChangeKind.LIMITS, house.project_id, change.seq)
    assert [event.type for event in house.events()[-2:]] == [
        EventType.RATE_LIMIT_UPDATED, EventType.INCREASE_REQUEST_GRANTED,
    ]  # fmt: skip


def test_a_temporary_increase_gives_way_to_what_was_set_at_its_second(house: House) -> None:
    set_limits(house, {RPM: 10, TPM: 1000})
    grant(house, ask(house, {RPM: 50}, NOW + 60))
    house.clock.now = NOW + 59
    assert in_force(house) == {RPM: 50, TPM: 1000}
    house.clock.now = NOW + 60
    assert in_force(house) == {RPM: 10, TPM: 1000}


def test_whoever_sets_a_number_means_it_also_during_an_increase(house: House) -> None:
    set_limits(house, {RPM: 10, TPM: 1000})
    grant(house, ask(house, {RPM: 50, TPM: 2000}, NOW + 60))
    set_limits(house, {RPM: 0})
    assert in_force(house) == {RPM: 0, TPM: 2000}
    set_limits(house, {TPM: NO_LIMIT})
    assert in_force(house) == {RPM: 0}


def test_an_increase_never_narrows(house: House) -> None:
    set_limits(house, {RPM: 10})
    for until in (UNSET, NOW + 60):
        asked = ask(house, {RPM: 50}, until)
        set_limits(house, {RPM: 80})
        grant(house, asked)
        assert in_force(house) == {RPM: 80}
        set_limits(house, {RPM: 10})


def test_increases_with_one_end_add_up_and_others_are_refused(house: House) -> None:
    set_limits(house, {RPM: 10, TPM: 1000})
    grant(house, ask(house, {RPM: 50}, NOW + 60))
    second = ask(house, {TPM: 2000}, NOW + 90)
    with pytest.raises(KeyhouseError, match="There is an increase until 1800000060") as refused:
        grant(house, second)
    assert refused.value.code is ErrorCode.CONFLICT
    assert increases.show(house.control, house.caller, second.id).status is IncreaseStatus.OPEN
    assert grant(house, second, NOW + 60).until == NOW + 60
    assert in_force(house) == {RPM: 50, TPM: 2000}
    third = ask(house, {TPM: 3000}, NOW + 90)
    house.clock.now = NOW + 60
    grant(house, third)
    assert in_force(house) == {RPM: 10, TPM: 3000}


def test_the_organizations_limit_is_increased_alike(house: House) -> None:
    set_limits(house, {RPM: 10}, None)
    given = IncreaseFields("Launch", None, "gpt-4o", {RPM: 50})
    asked = increases.request(house.control, house.caller, given)
    assert (asked.level, asked.scope_id) == (Level.ORGANIZATION, house.caller.organization_id)
    grant(house, asked)
    assert in_force(house, None) == {RPM: 50}
    assert house.changes()[-1].object_id == ""


def test_a_budget_is_increased_for_a_time(house: House) -> None:
    budget = add_budget(house, project_id=house.project_id)
    asked = ask_money(house, budget)
    assert (asked.level, asked.scope_id, asked.amount_nanos) == (Level.PROJECT, house.project_id, 50 * 10**9)
    assert budgets.show(house.control, house.caller, budget.id) == budget
    grant(house, asked)
    increased = budgets.show(house.control, house.caller, budget.id)
    assert [increased.amount_at(at) // 10**9 for at in (NOW, NOW + DAY - 1, NOW + DAY)] == [150, 150, 100]
    change = house.changes()[-1]
    assert (change.kind, house.announced[-1]) == (ChangeKind.BUDGETS, change.seq)
    assert [event.type for event in house.events()[-2:]] == [
        EventType.BUDGET_UPDATED, EventType.INCREASE_REQUEST_GRANTED,
    ]  # fmt: skip
    grant(house, ask_money(house, budget, "7"))
    assert budgets.show(house.control, house.caller, budget.id).amount_at(NOW) == 157 * 10**9
    with pytest.raises(KeyhouseError, match="There is an increase until"):
        grant(house, ask_money(house, budget, "7", NOW + 9))


def test_a_keys_budget_is_increased_and_its_key_announced(house: House) -> None:
    holder = Holder(KeyKind.USER, house.project_id)
    key = keys.create(house.control, house.caller, holder, KeyFields(name="a")).view.key
    asked = ask_money(house, add_budget(house, key_id=key.id))
    grant(house, asked)
    change = house.changes()[-1]
    assert (change.kind, change.object_id) == (ChangeKind.KEY, key.id)
    assert house.events()[-1].project_id == house.project_id


def test_denying_leaves_everything_as_it_is(house: House) -> None:
    set_limits(house, {RPM: 10})
    asked = ask(house, {RPM: 50})
    changes = house.changes()
    denied = increases.deny(house.control, house.caller, asked.id)
    assert (denied.status, denied.decided_at) == (IncreaseStatus.DENIED, NOW)
    assert (in_force(house), house.changes()) == ({RPM: 10}, changes)
    assert house.events()[-1].type is EventType.INCREASE_REQUEST_DENIED


def test_what_is_decided_stays_decided(house: House) -> None:
    set_limits(house, {RPM: 10})
    granted, denied = ask(house, {RPM: 50}), ask(house, {RPM: 60})
    grant(house, granted)
    increases.deny(house.control, house.caller, denied.id)
    for request in (granted, denied):
        for decide in (increases.grant, increases.deny):
            with pytest.raises(KeyhouseError, match="already") as refused:
                decide(house.control, house.caller, request.id)
            assert refused.value.code is ErrorCode.CONFLICT
    assert in_force(house) == {RPM: 50}


def test_what_is_gone_cannot_be_increased(house: House) -> None:
    set_limits(house, {RPM: 10})
    budget = add_budget(house)
    lifted, money = ask(house, {RPM: 50}), ask_money(house, budget)
    set_limits(house, {RPM: NO_LIMIT})
    budgets.remove(house.control, house.caller, budget.id)
    before = house.events()
    for request in (lifted, money):
        with pytest.raises(KeyhouseError, match="deny the request") as refused:
            grant(house, request)
        assert refused.value.code is ErrorCode.CONFLICT
    assert house.events() == before
    gone = projects.create(house.control, house.caller, "Search")
    set_limits(house, {RPM: 10}, gone.id)
    given = IncreaseFields("Launch", gone.id, "gpt-4o", {RPM: 50})
    asked = increases.request(house.control, house.caller, given)
    projects.archive(house.control, house.caller, gone.id)
    with pytest.raises(KeyhouseError, match="is archived"):
        grant(house, asked)
    with pytest.raises(KeyhouseError, match="is archived"):
        increases.request(house.control, house.caller, given)


def test_a_temporary_increase_that_waited_too_long_needs_another_end(house: House) -> None:
    set_limits(house, {RPM: 10})
    asked = ask(house, {RPM: 50}, NOW + 60)
    house.clock.now = NOW + 60
    with pytest.raises(KeyhouseError) as refused:
        grant(house, asked)
    assert refused.value.param == "until"
    assert grant(house, asked, NOW + 120).until == NOW + 120


GOOD = IncreaseFields("Launch", None, "gpt-4o", {RPM: 50})
BAD: list[tuple[IncreaseFields, str]] = [
    (replace(GOOD, reason=UNSET), "reason"),
    (replace(GOOD, reason=" "), "reason"),
    (replace(GOOD, reason="x" * 257), "reason"),
    (replace(GOOD, project_id=5), "project_id"),
    (replace(GOOD, model=UNSET), "model"),
    (replace(GOOD, model="gpt-*"), "model"),
    (replace(GOOD, model="o3"), f"rate_limits.{RPM}"),
    (replace(GOOD, rate_limits=UNSET), "rate_limits"),
    (replace(GOOD, rate_limits={}), "rate_limits"),
    (replace(GOOD, rate_limits=[RPM]), "rate_limits"),
    (replace(GOOD, rate_limits={"requests": 5}), "rate_limits.requests"),
    (replace(GOOD, rate_limits={RPM: 10}), f"rate_limits.{RPM}"),
    (replace(GOOD, rate_limits={RPM: 0}), f"rate_limits.{RPM}"),
    (replace(GOOD, rate_limits={RPM: NO_LIMIT}), f"rate_limits.{RPM}"),
    (replace(GOOD, rate_limits={RPM: "50"}), RPM),
    (replace(GOOD, rate_limits={TPM: 50}), f"rate_limits.{TPM}"),
    (replace(GOOD, until=NOW), "until"),
    (replace(GOOD, until=NOW + 3651 * DAY), "until"),
    (replace(GOOD, until="tomorrow"), "until"),
    (replace(GOOD, until=NOW + 0.5), "until"),
    (replace(GOOD, until=True), "until"),
    (replace(GOOD, amount="5"), "amount"),
    (replace(GOOD, budget_id="budget_1"), "model"),
    (IncreaseFields("Launch", budget_id="budget_1", rate_limits={}, until=NOW + 1), "rate_limits"),
    (IncreaseFields("Launch", "proj_1", budget_id="budget_1", amount="5", until=NOW + 1), "project_id"),
    (IncreaseFields("Launch", budget_id="budget_1", amount="5"), "until"),
    (IncreaseFields("Launch", budget_id="budget_1", amount="5", until=None), "until"),
    (IncreaseFields("Launch", budget_id=5, amount="5", until=NOW + 1), "budget_id"),
    (IncreaseFields("Launch", budget_id="budget_1", amount="0", until=NOW + 1), "amount"),
    (IncreaseFields("Launch", budget_id="budget_1", amount="-5", until=NOW + 1), "amount"),
    (IncreaseFields("Launch", budget_id="budget_1", amount=5, until=NOW + 1), "amount"),
    (IncreaseFields("Launch", budget_id="budget_1", until=NOW + 1), "amount"),
]


@pytest.mark.parametrize(("given", "param"), BAD, ids=lambda v: v if isinstance(v, str) else "")
def test_a_bad_request_is_refused_by_name(house: House, given: IncreaseFields, param: str) -> None:
    set_limits(house, {RPM: 10}, None)
    before = house.events()
    with pytest.raises(KeyhouseError) as refused:
        increases.request(house.control, house.caller, given)
    assert (refused.value.code, refused.value.param) == (ErrorCode.INVALID_VALUE, param)
    assert house.events() == before


def test_what_is_not_there_or_not_ours_is_not_found(house: House) -> None:
    set_limits(house, {RPM: 10})
    asked = ask(house, {RPM: 50})
    charlie = replace(house.caller, organization_id="org-other")
    for caller, request_id in ((house.caller, "increase_none"), (charlie, asked.id)):
        for verb in (increases.show, increases.grant, increases.deny):
            with pytest.raises(KeyhouseError, match="No increase request with id") as refused:
                verb(house.control, caller, request_id)
            assert refused.value.code is ErrorCode.NOT_FOUND
    given = IncreaseFields("a", budget_id="budget_none", amount="5", until=NOW + 9)
    with pytest.raises(KeyhouseError, match="No budget with id"):
        increases.request(house.control, house.caller, given)
    with pytest.raises(KeyhouseError, match="No project with id"):
        increases.request(house.control, house.caller, replace(GOOD, project_id="proj_none"))


def test_requests_are_listed_by_state(house: House) -> None:
    set_limits(house, {RPM: 10})
    first, second = ask(house, {RPM: 50}), ask(house, {RPM: 60})
    grant(house, first)

    def listed(status: str | None) -> set[str]:
        return {item.id for item in increases.list_page(house.control, house.caller, status=status).items}

    assert listed(None) == {first.id, second.id}
    assert (listed("open"), listed("granted"), listed("denied")) == ({second.id}, {first.id}, set())
