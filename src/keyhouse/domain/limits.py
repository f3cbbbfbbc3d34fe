"""Rate limits: OpenAI's six, per model and project, and the first five per key.

A limit is never passed in any window of its length, wherever the window begins. A limit of 0 refuses everything; "no limit" is
None here and 2147483647 in OpenAI's fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from keyhouse.domain.levels import Level

NO_LIMIT = 2_147_483_647
"""How OpenAI's integer fields say that there is no limit."""
MINUTE, DAY = 60, 86_400


class LimitKind(Enum):
    """(OpenAI's field, window in seconds, what is counted in a sentence)."""

    REQUESTS_PER_MINUTE = ("max_requests_per_1_minute", MINUTE, "requests per minute")
    TOKENS_PER_MINUTE = ("max_tokens_per_1_minute", MINUTE, "tokens per minute")
    IMAGES_PER_MINUTE = ("max_images_per_1_minute", MINUTE, "images per minute")
    AUDIO_MEGABYTES_PER_MINUTE = ("max_audio_megabytes_per_1_minute", MINUTE, "megabytes of audio per minute")
    REQUESTS_PER_DAY = ("max_requests_per_1_day", DAY, "requests per day")
    BATCH_INPUT_TOKENS_PER_DAY = ("batch_1_day_max_input_tokens", DAY, "input tokens of batches per day")

    def __init__(self, field: str, window: int, noun: str) -> None:
        self.field = field
        self.window = window
        self.noun = noun


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What is set for a model in a project, or for a key. None: no limit of this kind."""

    max_requests_per_1_minute: int | None = None
    max_tokens_per_1_minute: int | None = None
    max_images_per_1_minute: int | None = None
    max_audio_megabytes_per_1_minute: int | None = None
    max_requests_per_1_day: int | None = None
    batch_1_day_max_input_tokens: int | None = None

    def of(self, kind: LimitKind) -> int | None:
        limit: int | None = getattr(self, kind.field)
        return limit


class LimitName(NamedTuple):
    """What is counted apart: one kind at one level. `model` is empty where every model counts together (a key's limits)."""

    level: Level
    id: str
    model: str
    kind: LimitKind


class RateLimit(NamedTuple):
    """A limit in force. Never more than `limit` in any `name.kind.window` seconds."""

    name: LimitName
    limit: int


class Amounts(NamedTuple):
    """What one call takes from each kind of limit; an operation that has no images takes none."""

    requests: int = 1
    tokens: int = 0
    images: int = 0
    audio_megabytes: int = 0
    batch_input_tokens: int = 0


_KINDS = tuple(LimitKind)


def limits_of(level: Level, scope_id: str, model: str, limits: RateLimits) -> tuple[RateLimit, ...]:
    """The limits that are set, by name."""
    named = ((LimitName(level, scope_id, model, kind), limits.of(kind)) for kind in _KINDS)
    return tuple(RateLimit(name, limit) for name, limit in named if limit is not None)
