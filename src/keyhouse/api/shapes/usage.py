"""Usage and costs."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import Group, Shape, Time

R = TypeVar("R")

Grouping = Annotated[list[str], Meta(description="Names of fields of a result, or `tag:name`")]


class Bucket(Struct, Generic[R]):
    """A period: `start_time` inclusive, `end_time` exclusive."""

    object: Literal["bucket"]
    start_time: Time
    end_time: Time
    results: list[R]


class UsagePage(Struct, Generic[R]):
    """`next_page` is what `page` takes for the next one."""

    object: Literal["page"]
    data: list[Bucket[R]]
    has_more: bool
    next_page: str | None


class _Grouped(Struct, kw_only=True):
    project_id: str | None
    user_id: str | None
    api_key_id: str | None
    num_unpriced_requests: int
    tags: dict[str, str | None] | UnsetType = UNSET


class EmbeddingsResult(_Grouped, kw_only=True):
    object: Literal["organization.usage.embeddings.result"]
    input_tokens: int
    num_model_requests: int
    model: str | None
    num_estimated_requests: int


class CompletionsResult(_Grouped, kw_only=True):
    object: Literal["organization.usage.completions.result"]
    input_tokens: int
    input_cached_tokens: int
    input_cache_write_tokens: int
    input_uncached_tokens: int
    output_tokens: int
    input_text_tokens: int
    output_text_tokens: int
    input_cached_text_tokens: int
    input_audio_tokens: int
    input_cached_audio_tokens: int
    output_audio_tokens: int
    input_image_tokens: int
    input_cached_image_tokens: int
    output_image_tokens: int
    output_reasoning_tokens: int
    num_model_requests: int
    model: str | None
    batch: bool | None
    service_tier: str | None
    num_estimated_requests: int


class Amount(Struct):
    value: float
    currency: Literal["usd"]


class CostsResult(_Grouped, kw_only=True):
    object: Literal["organization.costs.result"]
    amount: Amount
    line_item: str | None
    quantity: float | None
    quantity_unit: str | None


class _Range(Struct, kw_only=True):
    start_time: Annotated[int, Meta(ge=0, le=10**12, description="Unix seconds, inclusive")]
    end_time: Annotated[int, Meta(ge=0, le=10**12, description="Unix seconds, exclusive")] | UnsetType = UNSET
    group_by: Grouping | UnsetType = UNSET
    project_ids: list[str] | UnsetType = UNSET
    api_key_ids: list[str] | UnsetType = UNSET
    user_ids: list[str] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, description="The most buckets to answer")] | UnsetType = UNSET
    page: Annotated[str, Meta(description="The `next_page` of the page before")] | UnsetType = UNSET


class UsageQuery(_Range, kw_only=True):
    bucket_width: Literal["1m", "1h", "1d"] | UnsetType = UNSET
    models: list[str] | UnsetType = UNSET


class CompletionsQuery(UsageQuery, kw_only=True):
    batch: bool | UnsetType = UNSET


class CostsQuery(_Range, kw_only=True):
    bucket_width: Literal["1d"] | UnsetType = UNSET
    line_items: list[str] | UnsetType = UNSET


_USAGE = "/v1/organization/usage"

GROUP = Group(
    "Usage and costs",
    {
        f"GET {_USAGE}/completions": Shape(
            "Usage of completions", UsagePage[CompletionsResult], query=CompletionsQuery
        ),
        f"GET {_USAGE}/embeddings": Shape("Usage of embeddings", UsagePage[EmbeddingsResult], query=UsageQuery),
        "GET /v1/organization/costs": Shape("Costs by day", UsagePage[CostsResult], query=CostsQuery),
    },
)
