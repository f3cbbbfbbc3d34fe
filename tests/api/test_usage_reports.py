"""The reports of everything that OpenAI counts, read by its own SDK with its answers held to its types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keyhouse.domain.usage import UsageRow
from keyhouse.ledger.report_kinds import USAGE
from keyhouse.ledger.rollup import catch_up
from tests.api.served import Served
from tests.ledger.rollup_rows import usage_row

DAY = 86_400
KINDS = {kind.name: kind for kind in USAGE}
FED = {
    "completions": ["chat.completions", "completions"],
    "embeddings": ["embeddings"],
    "moderations": ["moderations"],
    "images": ["images.generations", "images.edits", "images.variations"],
    "audio_speeches": ["audio.speech"],
    "audio_transcriptions": ["audio.transcriptions", "audio.translations"],
}
UNFED = ["vector_stores", "code_interpreter_sessions", "file_search_calls", "web_search_calls"]
OBJECTS = {"file_search_calls": "file_searches", "web_search_calls": "web_searches"}
COUNTS = {"images": "images", "audio_speeches": "characters", "audio_transcriptions": "seconds"}


@pytest.fixture
def sdk(api: Served) -> Iterator[Any]:
    with api.sdk(_strict_response_validation=True) as client:
        yield client.admin.organization.usage


def midnight(api: Served) -> int:
    now = api.house.clock.now
    return now - now % DAY


def put(api: Served, **facts: Any) -> None:
    """One call of every operation that there is a name for, in the ledger and in the sums."""
    names = [name for fed in FED.values() for name in fed]
    given = {"organization_id": api.house.caller.organization_id, "at": midnight(api), **facts}
    rows: list[UsageRow] = [usage_row(operation=name, **given) for name in names]
    api.house.store.ledger.append(rows)
    catch_up(api.house.store)


def results(api: Served, name: str, **asked: Any) -> list[dict[str, Any]]:
    page = api.get(f"/organization/usage/{name}", start_time=midnight(api), **asked)
    return [result for bucket in page["data"] for result in bucket["results"]]


# --- what is counted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FED)
def test_sdk_reads_the_calls_of_a_report_s_own_operations(api: Served, sdk: Any, name: str) -> None:
    put(api)
    page = getattr(sdk, name)(start_time=midnight(api), group_by=["project_id", "model", "api_key_id", "user_id"])
    (found,) = page.data[0].results
    assert type(found).__name__.startswith("DataResultOrganizationUsage")
    assert found.object == f"organization.usage.{name}.result"
    assert (found.num_model_requests, found.model, found.project_id) == (len(FED[name]), "m-small", "proj_default")
    assert (found.api_key_id, found.user_id) == ("key_a", "user-alice")
    assert getattr(found, COUNTS.get(name, "object")) in {0, found.object}


@pytest.mark.parametrize("name", UNFED)
def test_sdk_reads_empty_buckets_where_no_call_is_counted(api: Served, sdk: Any, name: str) -> None:
    put(api)
    page = getattr(sdk, name)(start_time=midnight(api) - 3 * DAY, group_by=["project_id"])
    assert [bucket.results for bucket in page.data] == [[], [], [], []]
    assert (page.has_more, page.next_page) == (False, None)


def test_a_result_has_openai_s_fields_and_ours_after_them(api: Served) -> None:
    put(api)
    ours = ["num_unpriced_requests", "num_estimated_requests"]
    groups = ["project_id", "user_id", "api_key_id", "model"]
    tokens = ["input_tokens", "output_tokens"]
    expected = {
        "moderations": ["input_tokens", "num_model_requests", *groups],
        "images": ["images", "num_model_requests", "source", "size", *groups, *tokens],
        "audio_speeches": ["characters", "num_model_requests", *groups, *tokens],
        "audio_transcriptions": ["seconds", "num_model_requests", *groups, *tokens],
    }
    for name, fields in expected.items():
        assert list(results(api, name)[0]) == ["object", *fields, *ours]


def test_tokens_are_those_of_the_rows(api: Served) -> None:
    put(api, input_tokens=7, output_tokens=3)
    (images,) = results(api, "images")
    assert (images["images"], images["input_tokens"], images["output_tokens"]) == (0, 21, 9)
    assert results(api, "moderations")[0]["input_tokens"] == 7


def test_images_are_told_apart_by_source_and_not_by_size(api: Served, sdk: Any) -> None:
    put(api)
    put(api, model="m-large")
    page = sdk.images(start_time=midnight(api), group_by=["source", "size"])
    found = {result.source: (result.num_model_requests, result.size) for result in page.data[0].results}
    assert found == dict.fromkeys(("image.generation", "image.edit", "image.variation"), (2, None))
    page = sdk.images(start_time=midnight(api), sources=["image.edit", "image.variation"], models=["m-large"])
    assert [(result.num_model_requests, result.source) for result in page.data[0].results] == [(2, None)]


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("images", {"sizes": ["1024x1024", "256x256"]}),
        ("images", {"sizes": ["512x512"], "sources": ["image.edit"]}),
        ("file_search_calls", {"vector_store_ids": ["vs_1"]}),
        ("web_search_calls", {"context_levels": ["low", "high"]}),
        *[(name, {"project_ids": ["proj_x"]}) for name in KINDS],
        *[(name, {"models": ["m-x", "🗝"]}) for name in FED],
        *[(name, {"user_ids": ["user-x"]}) for name in FED],
        *[(name, {"api_key_ids": ["\0", "x" * 10_000]}) for name in FED],
    ],
)
def test_a_filter_that_no_call_meets_finds_nothing(api: Served, sdk: Any, name: str, asked: dict[str, Any]) -> None:
    put(api)
    page = getattr(sdk, name)(start_time=midnight(api), **asked)
    assert [bucket.results for bucket in page.data] == [[]]


def test_what_other_operations_cost_is_in_the_costs(api: Served) -> None:
    put(api, costs=(1_000_000_000, 0, 0))
    page = api.get("/organization/costs", start_time=midnight(api))
    (found,) = page["data"][0]["results"]
    assert found["amount"]["value"] == sum(map(len, FED.values()))


def test_another_organization_s_calls_are_in_no_report(api: Served) -> None:
    put(api, organization_id="org-other")
    assert [results(api, name) for name in KINDS] == [[]] * len(KINDS)


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_every_page_is_reached_and_no_bucket_twice(api: Served, sdk: Any, name: str) -> None:
    asked: dict[str, Any] = {"start_time": midnight(api) - 9 * DAY, "limit": 4}
    starts: list[int] = []
    while True:
        page = getattr(sdk, name)(**asked)
        starts += [bucket.start_time for bucket in page.data]
        if not page.has_more:
            break
        asked["page"] = page.next_page
    assert starts == [midnight(api) - day * DAY for day in range(9, -1, -1)]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("width", "default", "greatest"), [("1d", 7, 31), ("1h", 24, 168), ("1m", 60, 1440)])
def test_pages_have_openai_s_sizes(unchanged: Served, name: str, width: str, default: int, greatest: int) -> None:
    asked: dict[str, Any] = {"start_time": midnight(unchanged) - 90 * DAY, "bucket_width": width}
    path = f"/organization/usage/{name}"
    assert len(unchanged.get(path, **asked)["data"]) == default
    assert len(unchanged.get(path, **asked, limit=greatest)["data"]) == greatest
    refused = unchanged.call("GET", path, params={**asked, "limit": greatest + 1})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "limit")


def test_a_page_of_one_report_is_not_another_s(unchanged: Served) -> None:
    asked: dict[str, Any] = {"start_time": midnight(unchanged) - 90 * DAY}
    page = unchanged.get("/organization/usage/images", **asked)["next_page"]
    for path, more in (("moderations", {}), ("images", {"sizes": "256x256"}), ("images", {"sources": "image.edit"})):
        refused = unchanged.call("GET", f"/organization/usage/{path}", params={**asked, **more, "page": page})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "page")


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("param", "query"),
    [
        ("start_time", ""),
        ("start_time", "start_time=today"),
        ("start_time", "start_time=-1"),
        ("start_time", f"start_time={'9' * 400}"),
        ("start_time", "start_time=1&start_time=2"),
        ("end_time", "start_time=5&end_time=5"),
        ("end_time", "start_time=5&end_time=%5B6%5D"),
        ("bucket_width", "start_time=1&bucket_width=5m"),
        ("group_by", "start_time=1&group_by=colour"),
        ("group_by", "start_time=1&group_by=project_id,project_id"),
        ("group_by", "start_time=1&group_by=line_item"),
        ("group_by", "start_time=1&group_by=tag:%F0%9F%97%9D"),
        ("project_ids", "start_time=1&project_ids="),
        ("limit", "start_time=1&limit=0"),
        ("limit", "start_time=1&limit=many"),
        ("page", "start_time=1&page=page_AAAA"),
        ("line_items", "start_time=1&line_items=x"),
        ("project", "start_time=1&project=x"),
        ("query", "start_time=1&project_ids=%FF"),
    ],
)
def test_bad_input_is_refused_by_its_name(unchanged: Served, name: str, param: str, query: str) -> None:
    require_refused(unchanged, f"/organization/usage/{name}?{query}", param)


_EVERY = {param for kind in USAGE for param in kind.filters}
_OTHERS = [(kind.name, param) for kind in USAGE for param in sorted(_EVERY - set(kind.filters))]
_GROUPS = {group for kind in USAGE for group in kind.group_by}
_OTHER_GROUPS = [(kind.name, group) for kind in USAGE for group in sorted(_GROUPS - set(kind.group_by))]


@pytest.mark.parametrize(("name", "param"), _OTHERS)
def test_a_filter_that_a_report_lacks_is_refused(unchanged: Served, name: str, param: str) -> None:
    require_refused(unchanged, f"/organization/usage/{name}?start_time=1&{param}=x", param)


@pytest.mark.parametrize(("name", "group"), _OTHER_GROUPS)
def test_a_group_that_a_report_lacks_is_refused(unchanged: Served, name: str, group: str) -> None:
    require_refused(unchanged, f"/organization/usage/{name}?start_time=1&group_by={group}", "group_by")


@pytest.mark.parametrize(
    ("name", "param"), [("images", "sources"), ("images", "sizes"), ("web_search_calls", "context_levels")]
)
@pytest.mark.parametrize("value", ["", "x", "IMAGE.EDIT", "LOW", "1024X1024", "%00", "%F0%9F%97%9D", "low,high"])
def test_a_listed_value_must_be_one_of_the_list(unchanged: Served, name: str, param: str, value: str) -> None:
    require_refused(unchanged, f"/organization/usage/{name}?start_time=1&{param}={value}", param)


def require_refused(served: Served, path: str, param: str) -> None:
    answer = served.call("GET", path)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_value", param)
    assert error["message"].endswith(".")


@pytest.mark.parametrize("name", KINDS)
def test_a_report_needs_an_admin_key_and_is_only_read(unchanged: Served, name: str) -> None:
    path = f"/organization/usage/{name}"
    assert unchanged.call("GET", path, key="").status_code == 401
    assert unchanged.call("GET", path, key=unchanged.house.facts.api_key).status_code == 403
    assert unchanged.call("POST", path, []).status_code == 405
