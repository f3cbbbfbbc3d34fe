"""Rate limits: OpenAI's six, per model and project, and the first five per key.

A limit is never passed in any window of its length, wherever the window begins. A limit of 0 refuses everything; "no limit" is
None here and 2147483647 in OpenAI's fields.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from keyhouse.domain import base62
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

    # By identity, as members compare; the one that enums bring is written in Python, and every call of a model asks for it.
    __hash__ = object.__hash__


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

    @property
    def given(self) -> dict[str, int]:
        """The limits that are set, by OpenAI's field."""
        by_field = {kind.field: self.of(kind) for kind in _KINDS}
        return {name: limit for name, limit in by_field.items() if limit is not None}


NOTHING_SET = RateLimits()


@dataclass(frozen=True, slots=True)
class RateLimitRule:
    """What is set for a model in a project, or (`project_id` None) in the whole organization, where it counts the calls of all
    projects together. `model` is the name that calls ask for.

    `increase` has the greater limits that are granted for a time; at `increase_until` (Unix seconds) `limits` are back in force.
    """

    id: str
    organization_id: str
    project_id: str | None
    model: str
    created_at: int
    limits: RateLimits = NOTHING_SET
    increase: RateLimits = field(default=NOTHING_SET)
    increase_until: int | None = None

    def limits_at(self, now: int) -> RateLimits:
        """What is in force at `now`: an increase never lowers a limit, nor sets one where there is none."""
        if self.increase_until is None or now >= self.increase_until:
            return self.limits
        granted, limits = self.increase.given, self.limits.given
        return RateLimits(**{name: max(limit, granted.get(name, limit)) for name, limit in limits.items()})


def rule_id(scope_id: str, model: str) -> str:
    """The id of the one rule of a model in a project or organization: the same whenever it is asked for."""
    digest = hashlib.sha256(f"{scope_id}\0{model}".encode(errors="surrogatepass")).digest()
    return "rl-" + base62.encode(int.from_bytes(digest[:17]), 24)


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
