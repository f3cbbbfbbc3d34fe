"""Reports count every call once, under the filters and groups that were asked for, and price it exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from keyhouse.domain.usage import Outcome, UsageRow
from keyhouse.ledger.report_kinds import EMBEDDINGS
from keyhouse.ledger.report_query import Query
from keyhouse.ledger.reports import usage_report
from keyhouse.store.contract import Store
from tests.fixtures.fresh import fresh_sqlite, fresh_store
from tests.ledger.report_house import NOW, costs, requests, results, rolled_up
from tests.ledger.rollup_rows import ORGANIZATION, T0, usage_row

Call = tuple[int, str, tuple[int, ...] | None]


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    opened = fresh_store(tmp_path / "house", url)
    yield opened
    opened.close()


def test_completions_and_embeddings_are_counted_apart(store: Store) -> None:
    rolled_up(
        store,
        usage_row(operation="chat.completions"),
        usage_row(operation="completions"),
        usage_row(operation="embeddings", output_tokens=0),
        usage_row(operation="models.list", model=None, input_tokens=0, output_tokens=0),
    )
    assert requests(store) == 2
    embeddings = usage_report(store, EMBEDDINGS, Query(ORGANIZATION, T0), NOW)
    assert [(r.num_model_requests, r.input_tokens) for r in embeddings.buckets[0].results] == [(1, 100)]


@pytest.mark.parametrize("outcome", Outcome)
def test_a_call_counts_as_a_request_however_it_ended(store: Store, outcome: Outcome) -> None:
    rolled_up(store, usage_row(outcome=outcome))
    assert requests(store) == 1


def test_another_organization_s_calls_are_not_there(store: Store) -> None:
    rolled_up(store, usage_row(organization_id="org-other"))
    assert requests(store) == 0
    assert costs(store) == []


def test_token_counts_keep_openai_s_identities(store: Store) -> None:
    rolled_up(store, usage_row(input_tokens=5000, cached_tokens=1800, cache_write_tokens=200, input_audio_tokens=300,
                               output_tokens=1000, output_audio_tokens=100))  # fmt: skip
    (found,) = results(store)
    assert (
        found.input_tokens
        == 5000
        == found.input_cached_tokens + found.input_cache_write_tokens + found.input_uncached_tokens
    )
    assert (
        found.input_uncached_tokens
        == 3000
        == found.input_text_tokens + found.input_audio_tokens + found.input_image_tokens
    )
    assert found.input_cached_tokens == 1800 == found.input_cached_text_tokens + found.input_cached_audio_tokens
    assert (found.output_text_tokens, found.output_audio_tokens) == (900, 100)
    assert (found.project_id, found.user_id, found.api_key_id, found.model, found.batch, found.service_tier) == (
        None,
    ) * 6


GROUPS: dict[str, set[str | bool | None]] = {
    "project_id": {"proj_default", "proj_other"},
    "user_id": {"user-alice", None},
    "api_key_id": {"key_a", "key_b", "key_robo"},
    "model": {"m-small", "m-large"},
    "batch": {False},
    "service_tier": {"default", "flex"},
}


def _varied() -> list[UsageRow]:
    return [
        usage_row(),
        usage_row(project_id="proj_other", key_id="key_b", model="m-large"),
        usage_row(user_id=None, service_account_id="svc_acct_robo", key_id="key_robo", service_tier="flex"),
    ]


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_is_told_and_the_others_are_null(store: Store, group: str) -> None:
    rolled_up(store, *_varied())
    found = results(store, group_by=(group,))
    assert {getattr(result, group) for result in found} == GROUPS[group]
    assert len(found) == len(GROUPS[group])
    assert sum(result.num_model_requests for result in found) == 3
    for other in GROUPS.keys() - {group}:
        assert all(getattr(result, other) is None for result in found)


def test_groups_combine(store: Store) -> None:
    rolled_up(store, *_varied(), usage_row())
    found = {(r.model, r.api_key_id): r.num_model_requests for r in results(store, group_by=("model", "api_key_id"))}
    assert found == {("m-small", "key_a"): 2, ("m-large", "key_b"): 1, ("m-small", "key_robo"): 1}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"project_ids": ("proj_other",)}, 1),
        ({"user_ids": ("user-alice",)}, 2),
        ({"api_key_ids": ("key_a", "key_b")}, 2),
        ({"models": ("m-small", "m-large")}, 3),
        ({"models": ("m-small",), "api_key_ids": ("key_b",)}, 0),
        ({"models": ()}, 0),
        ({"batch": True}, 0),
        ({"batch": False}, 3),
    ],
)
def test_filters_keep_what_they_name(store: Store, asked: dict[str, object], expected: int) -> None:
    rolled_up(store, *_varied())
    assert requests(store, **asked) == expected


# --- what it cost ----------------------------------------------------------------------------------------------------


def test_costs_are_the_exact_sum_of_rows(store: Store) -> None:
    rolled_up(store, *[usage_row(costs=(333_333_333, 1, 666_666_667)) for _ in range(7)], usage_row(cost_nanos=5))
    (found,) = costs(store)
    assert found.amount_nanos == 7 * 1_000_000_001 + 5
    assert (found.line_item, found.quantity, found.quantity_unit) == (None, None, None)


def test_line_items_are_a_model_s_parts_with_their_tokens(store: Store) -> None:
    rolled_up(store, usage_row(input_tokens=100, cached_tokens=40, output_tokens=20, costs=(60, 10, 50)))
    found = [(r.line_item, r.amount_nanos, r.quantity, r.quantity_unit) for r in costs(store, group_by=("line_item",))]
    assert found == [
        ("m-small, cached input", 10, 40, "tokens"),
        ("m-small, input", 60, 60, "tokens"),
        ("m-small, output", 50, 20, "tokens"),
    ]


def test_unpriced_usage_is_a_line_of_its_own_and_counted_beside_every_sum(store: Store) -> None:
    rolled_up(store, usage_row(costs=(7, 0, 8)), usage_row(cost_nanos=None, input_tokens=11, output_tokens=4))
    (whole,) = costs(store)
    assert (whole.amount_nanos, whole.num_unpriced_requests) == (15, 1)
    by_item = {r.line_item: r for r in costs(store, group_by=("line_item",))}
    unpriced = by_item["m-small, unpriced"]
    assert (unpriced.amount_nanos, unpriced.quantity, unpriced.num_unpriced_requests) == (0, 15, 1)
    # What was priced is told with its own tokens alone, though it is the same model in the same minute.
    assert (by_item["m-small, input"].quantity, by_item["m-small, output"].quantity) == (100, 20)
    (usage,) = results(store)
    assert usage.num_unpriced_requests == 1


def test_costs_group_by_project_key_and_user(store: Store) -> None:
    rolled_up(store, *[row._replace(cost_nanos=9, cost_input_nanos=9) for row in _varied()])
    assert {r.project_id: r.amount_nanos for r in costs(store, group_by=("project_id",))} == {
        "proj_default": 18,
        "proj_other": 9,
    }
    assert {r.api_key_id: r.amount_nanos for r in costs(store, group_by=("api_key_id",))} == dict.fromkeys(
        GROUPS["api_key_id"], 9
    )
    assert {r.user_id: r.amount_nanos for r in costs(store, group_by=("user_id",))} == {"user-alice": 18, None: 9}


def test_line_items_can_be_chosen(store: Store) -> None:
    rolled_up(store, usage_row(costs=(60, 10, 50)))
    (found,) = costs(store, line_items=("m-small, output",))
    assert found.amount_nanos == 50


def test_calls_that_call_no_model_cost_nothing_and_show_nothing(store: Store) -> None:
    rolled_up(store, usage_row(operation="models.list", model=None, input_tokens=0, output_tokens=0, cost_nanos=None))
    assert costs(store) == []


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(
        st.tuples(
            st.integers(T0, NOW),
            st.sampled_from(["m-small", "m-large"]),
            st.one_of(st.none(), st.tuples(*[st.integers(0, 10**10)] * 3)),
        ),
        max_size=30,
    )
)
def test_line_items_add_up_to_the_bill(tmp_path_factory: pytest.TempPathFactory, calls: Sequence[Call]) -> None:
    store = fresh_sqlite(tmp_path_factory.mktemp("house"))
    try:
        rolled_up(
            store,
            *[
                usage_row(at=at, model=model, costs=parts, cost_nanos=None if parts is None else 0)
                for at, model, parts in calls
            ],
        )
        bill = sum(sum(parts) for _, _, parts in calls if parts is not None)
        for group_by in ((), ("line_item",), ("line_item", "api_key_id"), ("project_id",)):
            found = costs(store, group_by=group_by)
            assert sum(result.amount_nanos for result in found) == bill
            assert sum(result.num_unpriced_requests for result in found) == sum(parts is None for *_, parts in calls)
    finally:
        store.close()
