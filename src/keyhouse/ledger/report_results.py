"""What a report says of one group in one bucket: OpenAI's fields, and after them ours.

Whatever the fields are, they are in the order in which every face shows them.
"""

from __future__ import annotations

import msgspec

Tags = dict[str, str | None] | msgspec.UnsetType
"""By name, None for one that is grouped by and absent; UNSET (not in the JSON) unless grouped by project, key or tag."""


class UsageEmbeddingsResult(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one group. A group field is None unless grouped by it; `user_id` is None for calls of service accounts, too."""

    object: str = "organization.usage.embeddings.result"
    input_tokens: int
    num_model_requests: int
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None
    num_unpriced_requests: int = 0
    num_estimated_requests: int = 0
    tags: Tags = msgspec.UNSET


class UsageCompletionsResult(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one group. `input_tokens` = cached + cache write + uncached; uncached = text + audio + image, all uncached only.

    Image tokens are among the text tokens, and cached audio among the cached text: upstreams do not tell them apart.
    """

    object: str = "organization.usage.completions.result"
    input_tokens: int
    input_cached_tokens: int
    input_cache_write_tokens: int
    input_uncached_tokens: int
    output_tokens: int
    input_text_tokens: int
    output_text_tokens: int
    input_cached_text_tokens: int
    input_audio_tokens: int
    input_cached_audio_tokens: int = 0
    output_audio_tokens: int
    input_image_tokens: int = 0
    input_cached_image_tokens: int = 0
    output_image_tokens: int = 0
    num_model_requests: int
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None
    batch: bool | None = None
    service_tier: str | None = None
    output_reasoning_tokens: int = 0
    num_unpriced_requests: int = 0
    num_estimated_requests: int = 0
    tags: Tags = msgspec.UNSET


class UsageModerationsResult(msgspec.Struct, frozen=True, kw_only=True):
    """As for embeddings."""

    object: str = "organization.usage.moderations.result"
    input_tokens: int
    num_model_requests: int
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None
    num_unpriced_requests: int = 0
    num_estimated_requests: int = 0
    tags: Tags = msgspec.UNSET


class UsageImagesResult(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one group. No row has its number of images or their size: 0 and None. Tokens are what upstreams reported."""

    object: str = "organization.usage.images.result"
    images: int = 0
    num_model_requests: int
    source: str | None = None
    size: None = None
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None
    input_tokens: int
    output_tokens: int
    num_unpriced_requests: int = 0
    num_estimated_requests: int = 0
    tags: Tags = msgspec.UNSET


class UsageAudioSpeechesResult(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one group. No row has the characters that were spoken: 0."""

    object: str = "organization.usage.audio_speeches.result"
    characters: int = 0
    num_model_requests: int
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None
    input_tokens: int
    output_tokens: int
    num_unpriced_requests: int = 0
    num_estimated_requests: int = 0
    tags: Tags = msgspec.UNSET


class UsageAudioTranscriptionsResult(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one group. No row has the seconds that were heard: 0."""

    object: str = "organization.usage.audio_transcriptions.result"
    seconds: int = 0
    num_model_requests: int
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None
    input_tokens: int
    output_tokens: int
    num_unpriced_requests: int = 0
    num_estimated_requests: int = 0
    tags: Tags = msgspec.UNSET


class UsageVectorStoresResult(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes that one group keeps."""

    object: str = "organization.usage.vector_stores.result"
    usage_bytes: int = 0
    project_id: str | None = None
    tags: Tags = msgspec.UNSET


class UsageCodeInterpreterSessionsResult(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions of one group."""

    object: str = "organization.usage.code_interpreter_sessions.result"
    num_sessions: int = 0
    project_id: str | None = None
    tags: Tags = msgspec.UNSET


class UsageFileSearchCallsResult(msgspec.Struct, frozen=True, kw_only=True):
    """The searches of one group."""

    object: str = "organization.usage.file_searches.result"
    num_requests: int = 0
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    vector_store_id: None = None
    tags: Tags = msgspec.UNSET


class UsageWebSearchCallsResult(msgspec.Struct, frozen=True, kw_only=True):
    """The searches of one group, and the calls to models in which they were made."""

    object: str = "organization.usage.web_searches.result"
    num_model_requests: int
    num_requests: int = 0
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None
    context_level: None = None
    tags: Tags = msgspec.UNSET


class CostsResult(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of one group in nano-dollars. `quantity` (tokens) is there when grouped by line item."""

    object: str = "organization.costs.result"
    amount_nanos: int
    line_item: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    quantity: int | None = None
    quantity_unit: str | None = None
    num_unpriced_requests: int = 0
    tags: Tags = msgspec.UNSET


UsageResult = (
    UsageCompletionsResult
    | UsageEmbeddingsResult
    | UsageModerationsResult
    | UsageImagesResult
    | UsageAudioSpeechesResult
    | UsageAudioTranscriptionsResult
    | UsageVectorStoresResult
    | UsageCodeInterpreterSessionsResult
    | UsageFileSearchCallsResult
    | UsageWebSearchCallsResult
)
Result = UsageResult | CostsResult
