"""Reports over HTTP, as OpenAI's own SDK reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import openai
import pytest
from openai.types.admin.organization.usage_completions_response import DataResultOrganizationUsageCompletionsResult
from openai.types.admin.organization.usage_costs_response import DataResultOrganizationCostsResult
from openai.types.admin.organization.usage_embeddings_response import DataResultOrganizationUsageEmbeddingsResult

from keyhouse.api.administration import build
from keyhouse.control.context import Caller, Control
from keyhouse.domain.audit import Actor
from keyhouse.domain.authority import FULL_AUTHORITY
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.usage import UsageRow
from keyhouse.policy.peppers import Peppers
from keyhouse.store.sqlite import SqliteStore, open_sqlite
from tests.brisk import served_in_thread
from tests.ledger.report_house import NOW, rolled_up
from tests.ledger.rollup_rows import DAY, T0, usage_row

OPEN = ("usage/completions", "usage/embeddings", "costs")


class NoSealer:
    """Reports seal and open nothing."""

    def seal(self, plain: bytes, context: str) -> bytes:
        raise NotImplementedError

    def open(self, sealed: bytes, context: str) -> bytes:
        raise NotImplementedError


def by_organization(authorization: str | None, _address: str | None) -> Caller:
    """Stands where the check of admin keys stands: a key is the name of its organization, so that each test has its own."""
    scheme, _, organization_id = (authorization or "").partition(" ")
    if scheme != "Bearer" or not organization_id.startswith("org-"):
        raise KeyhouseError(ErrorCode.INVALID_API_KEY, "This is no key of these tests.")
    return Caller(organization_id, Actor("api_key", "user-alice", "key_admin"), FULL_AUTHORITY)


class Served(NamedTuple):
    """A served house, and the organization of this test in it."""

    store: SqliteStore
    url: str
    organization_id: str = ""

    def rolled_up(self, *rows: UsageRow) -> None:
        rolled_up(self.store, *[row._replace(organization_id=self.organization_id) for row in rows])

    def get(self, path: str, query: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.organization_id}"}
        return httpx.get(f"{self.url}/organization/{path}?{query}", headers=headers, verify=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = open_sqlite(tmp_path_factory.mktemp("houses") / "house")
    control = Control(store, lambda: NOW, Peppers("p", {"p": bytes(32)}), NoSealer(), lambda _: None, lambda *_: [])
    with served_in_thread(build(control, by_organization)) as url:
        yield Served(store, f"{url}/v1")
    store.close()


@pytest.fixture
def house(server: Served) -> Served:
    return server._replace(organization_id=f"org-{uuid4().hex}")


@pytest.fixture
def admin(house: Served) -> Iterator[openai.OpenAI]:
    http = openai.DefaultHttpxClient(verify=False)
    with openai.OpenAI(
        admin_api_key=house.organization_id, base_url=house.url, max_retries=0, http_client=http
    ) as client:
        yield client


# --- with the SDK ----------------------------------------------------------------------------------------------------


def test_sdk_reads_completions(house: Served, admin: openai.OpenAI) -> None:
    house.rolled_up(usage_row(input_tokens=100, cached_tokens=30, output_tokens=20), usage_row(model="m-large"))
    page = admin.admin.organization.usage.completions(start_time=T0, group_by=["model", "batch"], bucket_width="1h")
    assert (page.object, page.has_more, page.next_page is not None, len(page.data)) == ("page", True, True, 24)
    large, small = page.data[0].results
    assert isinstance(small, DataResultOrganizationUsageCompletionsResult)
    assert (small.model, small.batch, small.project_id) == ("m-small", False, None)
    assert (small.input_tokens, small.input_cached_tokens, small.input_uncached_tokens) == (100, 30, 70)
    assert (small.output_tokens, small.num_model_requests) == (20, 1)
    assert isinstance(large, DataResultOrganizationUsageCompletionsResult)
    assert large.model == "m-large"


def test_sdk_reads_embeddings(house: Served, admin: openai.OpenAI) -> None:
    house.rolled_up(usage_row(operation="embeddings", output_tokens=0), usage_row())
    page = admin.admin.organization.usage.embeddings(start_time=T0, limit=1)
    (found,) = page.data[0].results
    assert isinstance(found, DataResultOrganizationUsageEmbeddingsResult)
    assert (found.input_tokens, found.num_model_requests, found.model) == (100, 1, None)


def test_sdk_reads_costs(house: Served, admin: openai.OpenAI) -> None:
    house.rolled_up(usage_row(costs=(60_000_000, 0, 0)))
    page = admin.admin.organization.usage.costs(start_time=T0, group_by=["line_item", "project_id"], limit=1)
    found = page.data[0].results[0]
    assert isinstance(found, DataResultOrganizationCostsResult)
    assert found.amount is not None
    assert (found.amount.value, found.amount.currency) == (0.06, "usd")
    assert (found.line_item, found.project_id, found.quantity, found.quantity_unit) == (
        "m-small, input", "proj_default", 100, "tokens",
    )  # fmt: skip


def test_sdk_pages_through_every_bucket(house: Served, admin: openai.OpenAI) -> None:
    house.rolled_up(*[usage_row(at=T0 - day * DAY) for day in range(20)])
    starts: list[int] = []
    asked: dict[str, Any] = {"start_time": T0 - 19 * DAY, "project_ids": ["proj_default"], "limit": 4}
    while True:
        page = admin.admin.organization.usage.completions(**asked)
        starts += [bucket.start_time for bucket in page.data if bucket.results]
        if not page.has_more:
            break
        asked["page"] = page.next_page
    assert starts == [T0 - day * DAY for day in range(19, -1, -1)]


def test_sdk_filters(house: Served, admin: openai.OpenAI) -> None:
    house.rolled_up(usage_row(), usage_row(key_id="key_b", user_id="user-bob", model="m-large", project_id="proj_b"))
    usage = admin.admin.organization.usage
    for asked in (
        {"api_key_ids": ["key_b"]}, {"user_ids": ["user-bob", "user-x"]}, {"models": ["m-large"]}, {"project_ids": ["proj_b"]},
    ):  # fmt: skip
        page = usage.completions(start_time=T0, limit=1, **asked)  # type: ignore[arg-type]  # one filter by its name
        (found,) = page.data[0].results
        assert isinstance(found, DataResultOrganizationUsageCompletionsResult)
        assert found.num_model_requests == 1


def test_sdk_hears_a_refusal_with_its_parameter(admin: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        admin.admin.organization.usage.completions(start_time=T0, limit=32)
    assert (refusal.value.code, refusal.value.param) == ("invalid_value", "limit")


# --- on the wire -----------------------------------------------------------------------------------------------------


def test_result_has_exactly_openai_s_fields_and_ours_after_them(house: Served) -> None:
    house.rolled_up(usage_row(), usage_row(operation="embeddings"))
    completions = list(house.get("usage/completions", f"start_time={T0}").json()["data"][0]["results"][0])
    assert completions == [
        "object", "input_tokens", "input_cached_tokens", "input_cache_write_tokens", "input_uncached_tokens", "output_tokens",
        "input_text_tokens", "output_text_tokens", "input_cached_text_tokens", "input_audio_tokens", "input_cached_audio_tokens",
        "output_audio_tokens", "input_image_tokens", "input_cached_image_tokens", "output_image_tokens", "num_model_requests",
        "project_id", "user_id", "api_key_id", "model", "batch", "service_tier",
        "output_reasoning_tokens", "num_unpriced_requests", "num_estimated_requests",
    ]  # fmt: skip
    embeddings = list(house.get("usage/embeddings", f"start_time={T0}").json()["data"][0]["results"][0])
    assert embeddings == [
        "object", "input_tokens", "num_model_requests", "project_id", "user_id", "api_key_id", "model",
        "num_unpriced_requests", "num_estimated_requests",
    ]  # fmt: skip
    costs = list(house.get("costs", f"start_time={T0}").json()["data"][0]["results"][0])
    assert costs == [
        "object", "amount", "line_item", "project_id", "user_id", "api_key_id", "quantity", "quantity_unit",
        "num_unpriced_requests",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("nanos", "digits"),
    [
        (1, "0.000000001"), (60_000_000, "0.06"), (0, "0"), (10**9, "1"), (10**10, "10"),
        (4_611_686_018_427_387_905, "4611686018.427387905"),
    ],
)  # fmt: skip
def test_amounts_have_all_their_digits(house: Served, nanos: int, digits: str) -> None:
    house.rolled_up(usage_row(costs=(nanos, 0, 0)))
    body = house.get("costs", f"start_time={T0}&limit=1").text
    assert f'"amount":{{"value":{digits},"currency":"usd"}}' in body


@pytest.mark.parametrize(
    "form", ["models=m-small&models=m-large", "models[]=m-small&models[]=m-large", "models%5B%5D=m-small"]
)
def test_lists_come_repeated_or_in_brackets(house: Served, form: str) -> None:
    house.rolled_up(usage_row(), usage_row(model="m-other"))
    results = house.get("usage/completions", f"start_time={T0}&{form}").json()["data"][0]["results"]
    assert [result["num_model_requests"] for result in results] == [1]


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize(
    ("param", "query"),
    [
        ("start_time", ""),
        ("start_time", "start_time="),
        ("start_time", "start_time=today"),
        ("start_time", "start_time=1.5"),
        ("start_time", f"start_time={'9' * 400}"),
        ("start_time", f"start_time={T0}&start_time={T0}"),
        ("end_time", f"start_time={T0}&end_time={T0}"),
        ("bucket_width", f"start_time={T0}&bucket_width=5m"),
        ("group_by", f"start_time={T0}&group_by=colour"),
        ("group_by", f"start_time={T0}&group_by=project_id,model"),
        ("project_ids", f"start_time={T0}&project_ids="),
        ("limit", f"start_time={T0}&limit=0"),
        ("limit", f"start_time={T0}&limit=many"),
        ("page", f"start_time={T0}&page=page_AAAA"),
        ("page", f"start_time={T0}&page=%F0%9F%97%9D"),
        ("projects", f"start_time={T0}&projects=proj_default"),
        ("query", f"start_time={T0}&project_ids=%FF"),
    ],
)
def test_400(house: Served, path: str, param: str, query: str) -> None:
    answer = house.get(path, query)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_value", param)
    assert error["message"].endswith(".")


@pytest.mark.parametrize(("path", "param"), [("costs", "models"), ("costs", "user_ids"), ("usage/embeddings", "batch")])
def test_a_filter_of_another_report_is_refused(house: Served, path: str, param: str) -> None:
    answer = house.get(path, f"start_time={T0}&{param}=x")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("value", ["%00", "%F0%9F%97%9D", "'%20OR%201=1", "*"])
def test_a_filter_that_names_nothing_finds_nothing(house: Served, value: str) -> None:
    house.rolled_up(usage_row())
    answer = house.get("usage/completions", f"start_time={T0}&models={value}")
    assert answer.status_code == 200
    assert [bucket["results"] for bucket in answer.json()["data"]] == [[], [], []]


def test_401_without_a_key(house: Served) -> None:
    for path in OPEN:
        assert httpx.get(f"{house.url}/organization/{path}?start_time={T0}", verify=False).status_code == 401


@pytest.mark.parametrize("path", OPEN)
def test_405_for_another_method(house: Served, path: str) -> None:
    headers = {"authorization": f"Bearer {house.organization_id}"}
    answer = httpx.post(f"{house.url}/organization/{path}", headers=headers, verify=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
