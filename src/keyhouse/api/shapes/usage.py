"""Usage and costs."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import Group, Shape, Time

R = TypeVar("R")

Grouping = Annotated[list[str], Meta(description="Names of fields of a result, or `tag:name`")]

Source = Literal["image.generation", "image.edit", "image.variation"]
Size = Literal["256x256", "512x512", "1024x1024", "1792x1792", "1024x1792"]
Uncounted = Annotated[int, Meta(description="0: nothing counts it yet")]


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


class _Called(_Grouped, kw_only=True):
    num_model_requests: int
    model: str | None
    num_estimated_requests: int


class EmbeddingsResult(_Called, kw_only=True):
    object: Literal["organization.usage.embeddings.result"]
    input_tokens: int


class ModerationsResult(_Called, kw_only=True):
    object: Literal["organization.usage.moderations.result"]
    input_tokens: int


class ImagesResult(_Called, kw_only=True):
    object: Literal["organization.usage.images.result"]
    images: Uncounted
    source: Source | None
    size: Annotated[str | None, Meta(description="null: no call says its size yet")]
    input_tokens: int
    output_tokens: int


class AudioSpeechesResult(_Called, kw_only=True):
    object: Literal["organization.usage.audio_speeches.result"]
    characters: Uncounted
    input_tokens: int
    output_tokens: int


class AudioTranscriptionsResult(_Called, kw_only=True):
    object: Literal["organization.usage.audio_transcriptions.result"]
    seconds: Uncounted
    input_tokens: int
    output_tokens: int


class VectorStoresResult(Struct, kw_only=True):
    object: Literal["organization.usage.vector_stores.result"]
    usage_bytes: Uncounted
    project_id: str | None
    tags: dict[str, str | None] | UnsetType = UNSET


class CodeInterpreterSessionsResult(Struct, kw_only=True):
    object: Literal["organization.usage.code_interpreter_sessions.result"]
    num_sessions: Uncounted
    project_id: str | None
    tags: dict[str, str | None] | UnsetType = UNSET


class _Searched(Struct, kw_only=True):
    num_requests: Uncounted
    project_id: str | None
    user_id: str | None
    api_key_id: str | None
    tags: dict[str, str | None] | UnsetType = UNSET


class FileSearchCallsResult(_Searched, kw_only=True):
    object: Literal["organization.usage.file_searches.result"]
    vector_store_id: str | None


class WebSearchCallsResult(_Searched, kw_only=True):
    object: Literal["organization.usage.web_searches.result"]
    num_model_requests: int
    model: str | None
    context_level: str | None


class CompletionsResult(_Called, kw_only=True):
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
    batch: bool | None
    service_tier: str | None


class Amount(Struct):
    value: float
    currency: Literal["usd"]


class CostsResult(_Grouped, kw_only=True):
    object: Literal["organization.costs.result"]
    amount: Amount
    line_item: str | None
    quantity: float | None
    quantity_unit: Literal["tokens"] | None


class _Range(Struct, kw_only=True):
    start_time: Annotated[int, Meta(ge=0, le=10**12, description="Unix seconds, inclusive")]
    end_time: Annotated[int, Meta(ge=0, le=10**12, description="Unix seconds, exclusive")] | UnsetType = UNSET
    group_by: Grouping | UnsetType = UNSET
    project_ids: list[str] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, description="The most buckets to answer")] | UnsetType = UNSET
    page: Annotated[str, Meta(description="The `next_page` of the page before")] | UnsetType = UNSET


class UsageQuery(_Range, kw_only=True):
    bucket_width: Literal["1m", "1h", "1d"] | UnsetType = UNSET


class FileSearchCallsQuery(UsageQuery, kw_only=True):
    user_ids: list[str] | UnsetType = UNSET
    api_key_ids: list[str] | UnsetType = UNSET
    vector_store_ids: list[str] | UnsetType = UNSET


class CallsQuery(UsageQuery, kw_only=True):
    user_ids: list[str] | UnsetType = UNSET
    api_key_ids: list[str] | UnsetType = UNSET
    models: list[str] | UnsetType = UNSET


class CompletionsQuery(CallsQuery, kw_only=True):
    batch: bool | UnsetType = UNSET


class ImagesQuery(CallsQuery, kw_only=True):
    sources: list[Source] | UnsetType = UNSET
    sizes: list[Size] | UnsetType = UNSET


class WebSearchCallsQuery(CallsQuery, kw_only=True):
    context_levels: list[Literal["low", "medium", "high"]] | UnsetType = UNSET


class CostsQuery(_Range, kw_only=True):
    bucket_width: Literal["1d"] | UnsetType = UNSET
    api_key_ids: list[str] | UnsetType = UNSET
    line_items: list[str] | UnsetType = UNSET


_USAGE = "/v1/organization/usage"


def _usage(what: str, result: type[Struct], query: type[Struct]) -> Shape:
    return Shape(f"Usage of {what}", UsagePage[result], query=query)  # type: ignore[valid-type]


GROUP = Group(
    "Usage and costs",
    {
        f"GET {_USAGE}/audio_speeches": _usage("speech", AudioSpeechesResult, CallsQuery),
        f"GET {_USAGE}/audio_transcriptions": _usage("transcriptions", AudioTranscriptionsResult, CallsQuery),
        f"GET {_USAGE}/code_interpreter_sessions": _usage(
            "code interpreter sessions", CodeInterpreterSessionsResult, UsageQuery
        ),
        f"GET {_USAGE}/completions": _usage("completions", CompletionsResult, CompletionsQuery),
        f"GET {_USAGE}/embeddings": _usage("embeddings", EmbeddingsResult, CallsQuery),
        f"GET {_USAGE}/file_search_calls": _usage("file searches", FileSearchCallsResult, FileSearchCallsQuery),
        f"GET {_USAGE}/images": _usage("images", ImagesResult, ImagesQuery),
        f"GET {_USAGE}/moderations": _usage("moderations", ModerationsResult, CallsQuery),
        f"GET {_USAGE}/vector_stores": _usage("vector stores", VectorStoresResult, UsageQuery),
        f"GET {_USAGE}/web_search_calls": _usage("web searches", WebSearchCallsResult, WebSearchCallsQuery),
        "GET /v1/organization/costs": Shape("Costs by day", UsagePage[CostsResult], query=CostsQuery),
    },
)
