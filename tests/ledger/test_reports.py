"""A report covers the range that was asked for, page by page, and refuses what it cannot answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.ledger.report_kinds import COMPLETIONS
from keyhouse.ledger.report_query import Query, cut_of
from keyhouse.ledger.reports import cost_report, segments, usage_report
from keyhouse.store.contract import Store, Width
from keyhouse.store.sqlite import SqliteStore
from tests.fixtures.fresh import fresh_sqlite
from tests.ledger.report_house import NOW, completions, costs, requests, rolled_up
from tests.ledger.rollup_rows import DAY, ORGANIZATION, T0, usage_row

HOUR = 3600


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = fresh_sqlite(tmp_path / "house")
    yield opened
    opened.close()


# --- the range -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 5000), st.integers(0, 5000), st.sampled_from(Width))
def test_segments_tile_the_range_in_buckets_that_are_whole(first: int, length: int, width: Width) -> None:
    start, end = first * 60, (first + length) * 60
    at = start
    for piece, piece_start, piece_end in segments(start, end, width):
        assert piece_start == at < piece_end
        assert piece_start % piece.value == piece_end % piece.value == 0
        assert piece.value <= width.value
        at = piece_end
    assert at == end


def test_buckets_are_aligned_and_empty_ones_are_there(store: SqliteStore) -> None:
    rolled_up(store, usage_row(at=T0 + DAY + 10))
    buckets = completions(store)
    assert [(b.start_time, b.end_time, len(b.results)) for b in buckets] == [
        (T0, T0 + DAY, 0),
        (T0 + DAY, T0 + 2 * DAY, 1),
        (T0 + 2 * DAY, T0 + 3 * DAY, 0),
    ]


@pytest.mark.parametrize("width", ["1m", "1h", "1d"])
def test_start_is_inclusive_and_end_exclusive(store: SqliteStore, width: str) -> None:
    start, end = T0 + HOUR, T0 + DAY + 2 * HOUR
    rolled_up(store, *[usage_row(at=at) for at in (start - 1, start, end - 1, end)])
    found = 0
    page: str | None = None
    while True:
        query = Query(ORGANIZATION, start, end, bucket_width=width, page=page)
        report = usage_report(store, COMPLETIONS, query, NOW)
        found += sum(r.num_model_requests for b in report.buckets for r in b.results)
        page = report.next_page
        if page is None:
            break
    assert found == 2


def test_a_range_inside_a_bucket_keeps_the_bucket_s_times_and_cuts_its_count(store: SqliteStore) -> None:
    rolled_up(store, usage_row(at=T0 + 60), usage_row(at=T0 + 120), usage_row(at=T0 + 180))
    (bucket,) = completions(store, start_time=T0 + 120, end_time=T0 + 180)
    assert (bucket.start_time, bucket.end_time) == (T0, T0 + DAY)
    assert requests(store, start_time=T0 + 120, end_time=T0 + 180) == 1


def test_an_end_of_now_includes_the_call_of_this_second(store: SqliteStore) -> None:
    rolled_up(store, usage_row(at=NOW))
    assert requests(store, start_time=NOW) == 1


@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(st.integers(T0, T0 + 3 * DAY), max_size=30), st.integers(T0, NOW), st.integers(1, 3 * DAY))
def test_every_width_counts_the_calls_of_the_range_to_the_minute(
    tmp_path_factory: pytest.TempPathFactory, times: list[int], start: int, length: int
) -> None:
    store = fresh_sqlite(tmp_path_factory.mktemp("house"))
    try:
        rolled_up(store, *[usage_row(at=at) for at in times])
        end = start + length
        expected = sum(start // 60 * 60 <= at < -(-end // 60) * 60 for at in times)
        for width in ("1m", "1h", "1d"):
            assert sum(_walk(store, Query(ORGANIZATION, start, end, width))) == expected
    finally:
        store.close()


def _walk(store: Store, query: Query) -> Iterator[int]:
    while True:
        report = usage_report(store, COMPLETIONS, query, NOW + 10 * DAY)
        yield from (r.num_model_requests for bucket in report.buckets for r in bucket.results)
        if report.next_page is None:
            return
        query = query._replace(page=report.next_page)


# --- paging ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "default", "greatest"), [("1d", 7, 31), ("1h", 24, 168), ("1m", 60, 1440)])
def test_pages_have_openai_s_sizes(store: SqliteStore, width: str, default: int, greatest: int) -> None:
    asked = {"bucket_width": width, "start_time": T0 - 100 * DAY}
    assert len(completions(store, **asked)) == default
    assert len(completions(store, **asked, limit=greatest)) == greatest
    for limit in (0, greatest + 1):
        assert refused(store, **asked, limit=limit).param == "limit"


def test_costs_are_paged_by_up_to_180_days(store: SqliteStore) -> None:
    query = Query(ORGANIZATION, T0 - 300 * DAY)
    assert len(cost_report(store, query, NOW).buckets) == 7
    assert len(cost_report(store, query._replace(limit=180), NOW).buckets) == 180
    with pytest.raises(KeyhouseError) as refusal:
        cost_report(store, query._replace(limit=181), NOW)
    assert refusal.value.param == "limit"


def test_pages_follow_each_other_without_gap_or_overlap(store: SqliteStore) -> None:
    query = Query(ORGANIZATION, T0 - 10 * DAY + 77, limit=3)
    starts: list[int] = []
    now = NOW
    while True:
        report = usage_report(store, COMPLETIONS, query, now)
        starts += [bucket.start_time for bucket in report.buckets]
        if report.next_page is None:
            break
        now += DAY  # "now" goes on while somebody pages; the range that was asked for does not
        query = query._replace(page=report.next_page)
    assert starts == list(range(T0 - 10 * DAY, NOW, DAY))


def test_a_cursor_of_another_query_is_refused(store: SqliteStore) -> None:
    query = Query(ORGANIZATION, T0 - 10 * DAY, limit=2)
    page = usage_report(store, COMPLETIONS, query, NOW).next_page
    assert page is not None
    assert page.startswith("page_")
    for other in (
        query._replace(start_time=T0 - 9 * DAY),
        query._replace(group_by=("model",)),
        query._replace(organization_id="org-other"),
        query._replace(bucket_width="1h"),
    ):
        with pytest.raises(KeyhouseError) as refusal:
            usage_report(store, COMPLETIONS, other._replace(page=page), NOW)
        assert refusal.value.param == "page"


@given(st.one_of(st.text(max_size=50), st.binary(max_size=40).map(lambda raw: f"page_{raw.hex()}")))
def test_a_made_up_cursor_is_refused(page: str) -> None:
    with pytest.raises(KeyhouseError) as refusal:
        usage_report(NO_STORE, COMPLETIONS, Query(ORGANIZATION, T0, page=page), NOW)
    assert (refusal.value.code, refusal.value.param) == (ErrorCode.INVALID_VALUE, "page")


@given(st.integers(0, 31), st.integers(1, 255))
def test_a_cursor_changed_in_one_byte_is_refused(position: int, change: int) -> None:
    query = Query(ORGANIZATION, T0 - 10 * DAY, limit=2)
    page = _next_page(query)
    changed = page[: 5 + position] + chr(33 + (ord(page[5 + position]) + change) % 94) + page[6 + position :]
    if changed != page:
        with pytest.raises(KeyhouseError):
            usage_report(NO_STORE, COMPLETIONS, query._replace(page=changed), NOW)


# --- refusals --------------------------------------------------------------------------------------------------------

NO_STORE: Store = None  # type: ignore[assignment]  # a query that is refused reads nothing


def _next_page(query: Query) -> str:
    page = cut_of(COMPLETIONS, query, NOW).next_page
    assert page is not None
    return page


def refused(store: Store, **asked: object) -> KeyhouseError:
    with pytest.raises(KeyhouseError) as refusal:
        completions(store, **asked)
    assert refusal.value.code is ErrorCode.INVALID_VALUE
    return refusal.value


@pytest.mark.parametrize(
    ("param", "asked"),
    [
        ("bucket_width", {"bucket_width": "2d"}),
        ("end_time", {"end_time": T0}),
        ("end_time", {"end_time": 1 << 40}),
        ("group_by", {"group_by": ("model", "line_item")}),
        ("start_time", {"start_time": NOW + 1}),
        ("start_time", {"start_time": -1}),
    ],
)
def test_a_query_that_cannot_be_answered_names_its_parameter(param: str, asked: dict[str, object]) -> None:
    assert refused(NO_STORE, **asked).param == param


@pytest.mark.parametrize("asked", [{"bucket_width": "1h"}, {"group_by": ("model",)}])
def test_costs_are_refused_in_other_widths_and_groups_than_openai_s(asked: dict[str, object]) -> None:
    with pytest.raises(KeyhouseError) as refusal:
        costs(NO_STORE, **asked)
    assert refusal.value.param == next(iter(asked))
