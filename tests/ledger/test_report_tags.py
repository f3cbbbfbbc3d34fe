"""Reports by tag: every call under the tag of its key, or else of its project, and sums that no tag changes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from keyhouse.domain.errors import KeyhouseError
from keyhouse.domain.projects import Organization
from keyhouse.ledger.report_kinds import COMPLETIONS, EMBEDDINGS
from keyhouse.ledger.report_query import Query
from keyhouse.ledger.reports import cost_report, usage_report
from keyhouse.store.contract import Store
from tests.fixtures.fresh import fresh_store
from tests.ledger.report_house import NOW, costs, results, rolled_up
from tests.ledger.rollup_rows import DAY, ORGANIZATION, T0, usage_row

COUNTS = ("input_tokens", "input_cached_tokens", "output_tokens", "num_model_requests", "num_unpriced_requests")


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    opened = fresh_store(tmp_path / "house", url)
    with opened.write() as tx:
        tx.organizations.add(Organization(ORGANIZATION, "House", T0))
    yield opened
    opened.close()


def tag(store: Store, **objects: dict[str, str]) -> None:
    with store.write() as tx:
        for object_id, given in objects.items():
            tx.tags.replace(ORGANIZATION, object_id, given)


def test_a_key_s_tag_is_stronger_than_its_project_s(store: Store) -> None:
    tag(store, proj_default={"team": "red"}, key_b={"team": "blue"})
    rolled_up(store, usage_row(), usage_row(key_id="key_b"), usage_row(key_id="key_b"), usage_row(project_id="proj_x"))
    found = [(r.tags, r.num_model_requests) for r in results(store, group_by=("tag:team",))]
    assert found == [({"team": None}, 1), ({"team": "blue"}, 2), ({"team": "red"}, 1)]
    assert all(r.project_id is None and r.api_key_id is None for r in results(store, group_by=("tag:team",)))


def test_a_report_is_read_with_the_tags_of_now(store: Store) -> None:
    tag(store, key_a={"team": "red"})
    rolled_up(store, usage_row())
    tag(store, key_a={"team": "blue"})
    assert [r.tags for r in costs(store, group_by=("tag:team",))] == [{"team": "blue"}]


def test_a_tag_that_nothing_has_is_one_null_group(store: Store) -> None:
    rolled_up(store, usage_row(costs=(5, 0, 0)), usage_row(project_id="proj_x", costs=(7, 0, 0)))
    assert [(r.tags, r.amount_nanos) for r in costs(store, group_by=("tag:nobody",))] == [({"nobody": None}, 12)]


def test_tags_combine_with_each_other_and_with_other_groups(store: Store) -> None:
    tag(store, proj_default={"team": "red", "env": "prod"}, key_b={"env": "test"})
    rolled_up(store, usage_row(), usage_row(key_id="key_b"), usage_row(key_id="key_b", model="m-large"))
    found = [(r.model, r.tags) for r in results(store, group_by=("tag:team", "model", "tag:env"))]
    assert found == [
        ("m-large", {"team": "red", "env": "test"}),
        ("m-small", {"team": "red", "env": "prod"}),
        ("m-small", {"team": "red", "env": "test"}),
    ]
    by_project = [(r.project_id, r.tags) for r in results(store, group_by=("project_id", "tag:env"))]
    assert by_project == [
        ("proj_default", {"team": "red", "env": "prod"}),
        ("proj_default", {"team": "red", "env": "test"}),
    ]


@pytest.mark.parametrize(
    ("group", "tags"),
    [
        ("project_id", [{"team": "red", "env": "prod"}]),
        ("api_key_id", [{"team": "red", "env": "prod"}, {"team": "red", "env": "test"}]),
        ("user_id", [None]),
    ],
)
def test_what_is_grouped_by_project_or_key_shows_their_tags(
    store: Store, group: str, tags: list[dict[str, str] | None]
) -> None:
    tag(store, proj_default={"team": "red", "env": "prod"}, key_b={"env": "test"})
    rolled_up(store, usage_row(), usage_row(key_id="key_b"))
    for found in (results(store, group_by=(group,)), costs(store, group_by=(group,))):
        assert [r.tags or None for r in found] == tags


def test_another_organization_s_tags_are_not_read(store: Store) -> None:
    with store.write() as tx:
        tx.organizations.add(Organization("org-other", "Other", T0))
        tx.tags.replace("org-other", "key_a", {"team": "theirs"})
    rolled_up(store, usage_row())
    assert [r.tags for r in results(store, group_by=("tag:team", "api_key_id"))] == [{"team": None}]


def _random_calls(dice: random.Random) -> list[Any]:
    return [
        usage_row(
            at=T0 + dice.randrange(2 * DAY),
            project_id=f"proj_{key % 3}",
            key_id=f"key_{key}",
            model=dice.choice(["m-small", "m-large"]),
            operation=dice.choice(["chat.completions", "embeddings"]),
            output_tokens=dice.randrange(50),
            cached_tokens=dice.randrange(100),
            costs=(dice.randrange(10**10), dice.randrange(9), dice.randrange(10**6)),
            cost_nanos=dice.choice([0, 0, None]),
        )
        for key in (dice.randrange(12) for _ in range(300))
    ]


@pytest.mark.parametrize("seed", range(3))
def test_groups_of_tags_are_what_adding_up_the_ledger_says_and_their_sum_the_untagged_report_s(
    store: Store, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  # the test's dice
    own = {f"key_{n}": {"team": dice.choice("abc")} for n in range(12) if dice.random() < 0.5}
    of_projects = {"proj_0": {"team": "p"}, "proj_1": {"team": "a"}}
    tag(store, **own, **of_projects)
    rows = _random_calls(dice)
    rolled_up(store, *rows)
    expected: Counter[str | None] = Counter()
    for row in rows:
        team = own.get(row.key_id, of_projects.get(row.project_id, {})).get("team")
        expected[team] += (row.cost_input_nanos or 0) + (row.cost_cached_nanos or 0) + (row.cost_output_nanos or 0)
    found: Counter[str | None] = Counter()
    for result in costs(store, group_by=("tag:team",)):
        found[_team(result)] += result.amount_nanos
    assert +found == +expected
    for others in ((), ("model",), ("api_key_id", "model")):
        for kind in (COMPLETIONS, EMBEDDINGS):
            for width in ("1d", "1h"):
                tagged, plain = (_sums(store, kind, width, (*others, *tags)) for tags in (("tag:team", "tag:none"), ()))
                assert tagged == plain
    items = {g: _by_item(store, g) for g in (("line_item",), ("line_item", "tag:team"))}
    assert items["line_item",] == items["line_item", "tag:team"]


def _team(result: Any) -> str | None:
    found: str | None = result.tags["team"]
    return found


def _sums(store: Store, kind: Any, width: str, group_by: tuple[str, ...]) -> Counter[object]:
    query = Query(ORGANIZATION, T0 + 3600, T0 + DAY + 7200, width, group_by, limit=31)
    sums: Counter[object] = Counter()
    for bucket in usage_report(store, kind, query, NOW).buckets:
        for result in bucket.results:
            for name in COUNTS:
                sums[bucket.start_time, result.model, result.api_key_id, name] += getattr(result, name, 0)
    return sums


def _by_item(store: Store, group_by: tuple[str, ...]) -> Counter[object]:
    sums: Counter[object] = Counter()
    for bucket in cost_report(store, Query(ORGANIZATION, T0, group_by=group_by), NOW).buckets:
        for result in bucket.results:
            sums[bucket.start_time, result.line_item] += result.amount_nanos
            sums[bucket.start_time, result.line_item, "tokens"] += result.quantity or 0
    return sums


def test_pages_by_tag_follow_each_other_as_pages_without_do(store: Store) -> None:
    tag(store, key_a={"team": "red"})
    rolled_up(store, *[usage_row(at=T0 + day * DAY) for day in range(3)])
    query = Query(ORGANIZATION, T0, T0 + 3 * DAY, group_by=("tag:team",), limit=2)
    first = usage_report(store, COMPLETIONS, query, NOW)
    second = usage_report(store, COMPLETIONS, query._replace(page=first.next_page), NOW)
    pages = [[bucket.start_time for bucket in page.buckets] for page in (first, second)]
    assert (pages, second.next_page) == ([[T0, T0 + DAY], [T0 + 2 * DAY]], None)
    with pytest.raises(KeyhouseError, match="'next_page' of an answer to the same query"):
        usage_report(store, COMPLETIONS, query._replace(page=first.next_page, group_by=("tag:env",)), NOW)


@pytest.mark.parametrize(
    "group_by", [("tag:",), ("tag:Team",), ("tag:a b",), ("tag:" + "x" * 65,), ("tag",), ("team",)]
)
def test_a_bad_tag_name_is_refused(store: Store, group_by: tuple[str, ...]) -> None:
    for report in (results, costs):
        with pytest.raises(KeyhouseError) as refused:
            report(store, group_by=group_by)
        assert refused.value.param == "group_by"


def test_a_report_has_at_most_16_tags(store: Store) -> None:
    names = tuple(f"tag:n{n}" for n in range(17))
    assert results(store, group_by=names[:16]) == []
    with pytest.raises(KeyhouseError, match="not name more than 16 tags"):
        results(store, group_by=names)


def test_tags_of_10_000_keys_are_read_in_few_statements(store: Store) -> None:
    tag(store, **{f"key_{n}": {"team": f"t{n % 7}"} for n in range(10_000)})
    rolled_up(store, *[usage_row(key_id=f"key_{n}") for n in range(10_000)])
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        by_tag = results(store, group_by=("tag:team",))
        few = len(statements)
        by_key = results(store, group_by=("api_key_id", "tag:team"))
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert sum(r.num_model_requests for r in by_tag) == 10_000
    assert [len(by_tag), len(by_key)] == [7, 10_000]
    assert 0 < few <= 10
    assert len(statements) - few <= 30
