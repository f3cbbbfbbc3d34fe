"""Rate limits of models: rows for what is known, numbers set, paged, announced, audited."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from keyhouse.control import limits, projects
from keyhouse.control.limit_fields import LimitFields
from keyhouse.control.limits import LimitView
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.limits import NO_LIMIT, RateLimits, rule_id
from keyhouse.domain.upstreams import Upstream
from keyhouse.store.contract import ChangeKind, RollupKey, RollupSums
from tests.control.houses import DAY, NOW, House

STORES = ("sqlite", "postgres")
SIX = LimitFields(1, 2, 3, 4, 5, 6)


def add_upstream(house: House, models: tuple[str, ...], listed: tuple[str, ...], project_id: str | None = None) -> None:
    name = ids.new_id(ids.UPSTREAM)
    with house.store.write() as tx:
        tx.upstreams.add(
            Upstream(
                name, house.caller.organization_id, name, "http://127.0.0.1:9/v1", models, NOW,
                project_id=project_id, listed_models=listed,
            )
        )  # fmt: skip


def use(house: House, seq: int, model: str, *, at: int = NOW, outcome: str = "completed") -> None:
    key = RollupKey(
        at - at % 60, house.caller.organization_id, house.project_id, "", "", "key_1", "chat.completions", model, "u", "",
        outcome, "priced",
    )  # fmt: skip
    with house.store.write() as tx:
        tx.rollups.apply(seq, {key: RollupSums(*[1] * len(RollupSums._fields))})


def models(house: House, project_id: str | None) -> list[str]:
    return [row.rule.model for row in limits.list_page(house.control, house.caller, project_id).items]


def set_rpm(house: House, model: str, number: object, project_id: str | None = "") -> LimitView:
    place = house.project_id if project_id == "" else project_id
    given = LimitFields(max_requests_per_1_minute=number)
    return limits.set_model(house.control, house.caller, place, model, given)


def test_every_known_model_has_a_row_and_nothing_is_limited_at_first(house: House) -> None:
    other = projects.create(house.control, house.caller, "Search")
    add_upstream(house, ("gpt-*", "o3"), ("gpt-4o",))
    add_upstream(house, (), ("secret",), other.id)
    use(house, 1, "gpt-4o-2024")
    use(house, 2, "made-up", outcome="upstream_error")
    use(house, 3, "long-ago", at=NOW - 32 * DAY)
    assert models(house, house.project_id) == ["gpt-4o", "gpt-4o-2024", "o3"]
    assert models(house, other.id) == ["gpt-4o", "o3", "secret"]
    assert models(house, None) == ["gpt-4o", "gpt-4o-2024", "o3", "secret"]
    rows = limits.list_page(house.control, house.caller, house.project_id).items
    assert {row.in_force for row in rows} == {RateLimits()}


def test_numbers_are_set_and_taken_away_one_by_one(house: House) -> None:
    add_upstream(house, (), ("gpt-4o",))
    row = limits.list_page(house.control, house.caller, house.project_id).items[0]
    assert row.rule.id == rule_id(house.project_id, "gpt-4o")
    done = limits.update(house.control, house.caller, house.project_id, row.rule.id, SIX)
    assert done.in_force == RateLimits(1, 2, 3, 4, 5, 6)
    less = LimitFields(max_requests_per_1_minute=0, max_tokens_per_1_minute=NO_LIMIT)
    done = limits.update(house.control, house.caller, house.project_id, row.rule.id, less)
    assert done.in_force == RateLimits(0, None, 3, 4, 5, 6)
    assert limits.list_page(house.control, house.caller, house.project_id).items == (done,)
    change, event = house.changes()[-1], house.events()[-1]
    assert (change.kind, change.object_id, house.announced[-1]) == (ChangeKind.LIMITS, house.project_id, change.seq)
    assert (event.type, event.object_id, event.project_id) == (
        EventType.RATE_LIMIT_UPDATED, row.rule.id, house.project_id,
    )  # fmt: skip
    requested = {"max_requests_per_1_minute": 0, "max_tokens_per_1_minute": NO_LIMIT}
    assert event.details == {"changes_requested": requested, "model": "gpt-4o"}


def test_a_model_that_nobody_serves_yet_may_have_a_limit(house: House) -> None:
    row = set_rpm(house, "größe/模型", 3)
    assert models(house, house.project_id) == ["größe/模型"]
    assert models(house, None) == []
    set_rpm(house, "größe/模型", NO_LIMIT)
    assert models(house, house.project_id) == []
    with pytest.raises(KeyhouseError) as refused:
        limits.update(house.control, house.caller, house.project_id, row.rule.id, SIX)
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_the_organization_has_limits_of_its_own(house: House) -> None:
    mine, whole = set_rpm(house, "gpt-4o", 3), set_rpm(house, "gpt-4o", 9, None)
    assert mine.rule.id != whole.rule.id
    change = house.changes()[-1]
    assert (change.kind, change.object_id) == (ChangeKind.LIMITS, "")
    assert (whole.rule.project_id, house.events()[-1].project_id) == (None, None)
    done = limits.update(house.control, house.caller, None, whole.rule.id, LimitFields(max_requests_per_1_day=7))
    assert done.in_force.given == {"max_requests_per_1_minute": 9, "max_requests_per_1_day": 7}
    assert limits.list_page(house.control, house.caller, house.project_id).items == (mine,)
    with pytest.raises(KeyhouseError, match="No rate limit with id"):
        limits.update(house.control, house.caller, None, mine.rule.id, SIX)


def test_a_list_is_paged_forwards_and_backwards(house: House) -> None:
    add_upstream(house, (), ("a", "b", "c", "d", "e"))
    control, caller, project = house.control, house.caller, house.project_id
    every = [row.rule.id for row in limits.list_page(control, caller, project).items]
    assert len(set(every)) == 5

    def page(**cut: object) -> tuple[str, bool]:
        listed = limits.list_page(control, caller, project, **cut)  # type: ignore[arg-type]
        return "".join(row.rule.model for row in listed.items), listed.has_more

    assert page(limit=2) == ("ab", True)
    assert page(limit=2, after=every[1]) == ("cd", True)
    assert page(limit=2, after=every[3]) == ("e", False)
    assert page(limit=2, before=every[4]) == ("cd", True)
    assert page(limit=2, before=every[2]) == ("ab", False)
    assert page(limit=2, before=every[0]) == ("", False)
    for cut in ({"after": "rl-none"}, {"before": "rl-none"}, {"after": every[0], "before": every[3]}):
        with pytest.raises(KeyhouseError) as refused:
            page(**cut)
        assert refused.value.param == list(cut)[-1]


BAD_NUMBERS = [-1, NO_LIMIT + 1, 10**400, 1.0, 0.5, "5", True, None, [], {}, float("nan")]


@pytest.mark.parametrize("number", BAD_NUMBERS, ids=lambda v: str(v)[:12])
def test_a_number_that_is_no_limit_is_refused_by_name(house: House, number: object) -> None:
    before = house.events()
    with pytest.raises(KeyhouseError) as refused:
        set_rpm(house, "gpt-4o", number)
    assert (refused.value.code, refused.value.param) == (ErrorCode.INVALID_VALUE, "max_requests_per_1_minute")
    assert "must be a whole number between 0 and 2,147,483,647, which means no limit" in refused.value.message
    assert house.events() == before


@pytest.mark.parametrize("model", ["", "gpt-*", "a?", "[x", "a\x00", "x" * 257, None, 5])
def test_a_name_that_is_no_model_is_refused(house: House, model: object) -> None:
    with pytest.raises(KeyhouseError) as refused:
        limits.set_model(house.control, house.caller, house.project_id, model, SIX)
    assert (refused.value.code, refused.value.param) == (ErrorCode.INVALID_VALUE, "model")


def test_a_change_of_nothing_and_of_what_is_not_there_is_refused(house: House) -> None:
    control, caller = house.control, house.caller
    with pytest.raises(KeyhouseError, match="Give at least one limit: max_requests_per_1_minute"):
        limits.set_model(control, caller, house.project_id, "gpt-4o", LimitFields())
    for place in ("proj_none", ""):
        with pytest.raises(KeyhouseError, match="No project with id"):
            limits.set_model(control, caller, place, "gpt-4o", SIX)
        with pytest.raises(KeyhouseError, match="No project with id"):
            limits.list_page(control, caller, place)
    gone = projects.create(control, caller, "Search")
    set_rpm(house, "gpt-4o", 3, gone.id)
    projects.archive(control, caller, gone.id)
    with pytest.raises(KeyhouseError, match="is archived"):
        set_rpm(house, "gpt-4o", 4, gone.id)
    assert models(house, gone.id) == ["gpt-4o"]


def test_another_organizations_limits_are_not_seen(house: House) -> None:
    row = set_rpm(house, "gpt-4o", 3)
    charlie = replace(house.caller, organization_id="org-other")
    assert limits.list_page(house.control, charlie, None).items == ()
    for place in (house.project_id, None):
        with pytest.raises(KeyhouseError) as refused:
            limits.update(house.control, charlie, place, row.rule.id, SIX)
        assert refused.value.code is ErrorCode.NOT_FOUND


def test_numbers_set_at_the_same_time_are_all_kept(house: House) -> None:
    numbers = {field: n for n, field in enumerate(RateLimits.__dataclass_fields__)}

    def set_one(field: str) -> None:
        limits.set_model(
            house.control, house.caller, house.project_id, "gpt-4o", LimitFields(**{field: numbers[field]})
        )

    with ThreadPoolExecutor(len(numbers)) as pool:
        list(pool.map(set_one, numbers))
    rows = limits.list_page(house.control, house.caller, house.project_id).items
    assert [row.in_force.given for row in rows] == [numbers]
