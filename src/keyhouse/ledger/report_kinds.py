"""The reports that there are: what each counts, and what it may be asked for. They are OpenAI's, with its names and bounds.

A usage row carries the name of its operation, which is its path: `images.generations` is `/v1/images/generations`. Names of
operations that the data plane does not serve are here as well, so that a row of theirs is counted as soon as there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from keyhouse.domain.operations import OPERATIONS, Metering
from keyhouse.ledger import report_results as results
from keyhouse.store.contract import Width

R = TypeVar("R", bound=results.Result)
R_co = TypeVar("R_co", bound=results.Result, covariant=True)

_USAGE_LIMITS = {Width.DAY: (7, 31), Width.HOUR: (24, 168), Width.MINUTE: (60, 1440)}

SOURCES = {
    "images.generations": "image.generation",
    "images.edits": "image.edit",
    "images.variations": "image.variation",
}
"""Where images come from, by the operation that made them."""
LISTED = {
    "sources": tuple(SOURCES.values()),
    "sizes": ("256x256", "512x512", "1024x1024", "1792x1792", "1024x1792"),
    "context_levels": ("low", "medium", "high"),
}
"""The filters that take listed values only, with these."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[R_co]):
    """A report's rules: the operations it counts, the filters it takes, the fields it groups by, what a result of it is, and the
    buckets of a page (default, greatest) by width."""

    name: str
    operations: tuple[str, ...]
    filters: tuple[str, ...]
    group_by: tuple[str, ...]
    result: type[R_co]
    limits: dict[Width, tuple[int, int]]


def _usage(
    name: str,
    operations: tuple[str, ...],
    result: type[R],
    filters: tuple[str, ...],
    group_by: tuple[str, ...],
) -> Kind[R]:
    return Kind(name, operations, ("project_ids", *filters), ("project_id", *group_by), result, _USAGE_LIMITS)


def _metered(*metering: Metering) -> tuple[str, ...]:
    return tuple(operation.name for operation in OPERATIONS if operation.metering in metering)


_KEY_FILTERS, _KEY_GROUPS = ("user_ids", "api_key_ids"), ("user_id", "api_key_id")
_FILTERS, _GROUPS = (*_KEY_FILTERS, "models"), (*_KEY_GROUPS, "model")

COMPLETIONS = _usage(
    "completions",
    _metered(Metering.CHAT, Metering.COMPLETION),
    results.UsageCompletionsResult,
    (*_FILTERS, "batch"),
    (*_GROUPS, "batch", "service_tier"),
)
EMBEDDINGS = _usage("embeddings", _metered(Metering.EMBEDDING), results.UsageEmbeddingsResult, _FILTERS, _GROUPS)
MODERATIONS = _usage("moderations", ("moderations",), results.UsageModerationsResult, _FILTERS, _GROUPS)
IMAGES = _usage(
    "images",
    tuple(SOURCES),
    results.UsageImagesResult,
    (*_FILTERS, "sources", "sizes"),
    (*_GROUPS, "size", "source"),
)
AUDIO_SPEECHES = _usage("audio_speeches", ("audio.speech",), results.UsageAudioSpeechesResult, _FILTERS, _GROUPS)
AUDIO_TRANSCRIPTIONS = _usage(
    "audio_transcriptions",
    ("audio.transcriptions", "audio.translations"),
    results.UsageAudioTranscriptionsResult,
    _FILTERS,
    _GROUPS,
)
# What these four count is no call of its own: bytes that are kept, and what models do within a call.
VECTOR_STORES = _usage("vector_stores", (), results.UsageVectorStoresResult, (), ())
CODE_INTERPRETER_SESSIONS = _usage("code_interpreter_sessions", (), results.UsageCodeInterpreterSessionsResult, (), ())
FILE_SEARCH_CALLS = _usage(
    "file_search_calls",
    (),
    results.UsageFileSearchCallsResult,
    (*_KEY_FILTERS, "vector_store_ids"),
    (*_KEY_GROUPS, "vector_store_id"),
)
WEB_SEARCH_CALLS = _usage(
    "web_search_calls",
    (),
    results.UsageWebSearchCallsResult,
    (*_FILTERS, "context_levels"),
    (*_GROUPS, "context_level"),
)

CALLS: tuple[Kind[results.UsageResult], ...] = (
    COMPLETIONS,
    EMBEDDINGS,
    MODERATIONS,
    IMAGES,
    AUDIO_SPEECHES,
    AUDIO_TRANSCRIPTIONS,
)
"""The reports of calls to models: every such call is in one of them."""
USAGE: tuple[Kind[results.UsageResult], ...] = (
    *CALLS,
    VECTOR_STORES,
    CODE_INTERPRETER_SESSIONS,
    FILE_SEARCH_CALLS,
    WEB_SEARCH_CALLS,
)
COSTS = Kind(
    "costs",
    tuple(name for kind in CALLS for name in kind.operations),
    ("project_ids", "api_key_ids", "line_items"),
    ("project_id", "user_id", "line_item", "api_key_id"),
    results.CostsResult,
    {Width.DAY: (7, 180)},
)
