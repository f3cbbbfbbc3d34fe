"""What a call used: its tokens, its outcome, and the row that the ledger keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


@dataclass(slots=True)
class TokenUsage:
    """Tokens of one call. Input includes cached, cache-write and audio input; output includes reasoning and audio output."""

    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0


class Outcome(Enum):
    """How an authenticated and admitted call ended."""

    ABORTED = "aborted"
    """The client went away."""
    BUDGET_SPENT = "budget_spent"
    """The stream was cut because a budget had no more room for it."""
    COMPLETED = "completed"
    """The upstream's whole answer was relayed."""
    INTERRUPTED = "interrupted"
    """Keyhouse itself was cut: a crash, or a shutdown past its grace."""
    REJECTED = "rejected"
    """The upstream refused it (4xx) and the refusal was relayed."""
    REPLAYED = "replayed"
    """A retry that was answered from its first call: it used nothing, and costs nothing."""
    REVOKED = "revoked"
    """The key lost its access while the call ran."""
    UPSTREAM_FAILED = "upstream_failed"
    """The upstream was down, slow, broken or answered 5xx."""


class Pricing(Enum):
    """How far the row's cost can be trusted."""

    PRICED = "priced"
    UNPRICED = "unpriced"
    """No price for the model, or for one of the units it used: the cost is unknown, not zero."""


class UsageRow(NamedTuple):
    """One authenticated call, as the ledger keeps it for ever. A tuple in the ledger's column order.

    Times ending in `_us` are microseconds; `admitted_at_us` since 1970, the others durations. Costs are nano-dollars, None
    where the call is unpriced. `estimated` is 1 where tokens were counted here because the upstream reported none.
    """

    request_id: str
    admitted_at_us: int
    organization_id: str
    project_id: str
    user_id: str | None
    service_account_id: str | None
    key_id: str
    public_id: str
    client_request_id: str | None
    operation: str
    model_asked: str | None
    model_answered: str | None
    upstream: str | None
    streamed: int
    status: int
    outcome: str
    error_code: str | None
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    input_audio_tokens: int
    output_audio_tokens: int
    estimated: int
    service_tier: str | None
    pricing: str
    price_id: str | None
    cost_nanos: int | None
    cost_input_nanos: int | None
    cost_cached_nanos: int | None
    cost_output_nanos: int | None
    queue_us: int
    first_byte_us: int | None
    total_us: int


class RefusedCall(NamedTuple):
    """An authenticated call that was refused before any upstream saw it: an entry of the bounded log of refusals."""

    request_id: str
    at_us: int
    organization_id: str
    project_id: str | None
    key_id: str
    operation: str | None
    model: str | None
    status: int
    code: str
    message: str
