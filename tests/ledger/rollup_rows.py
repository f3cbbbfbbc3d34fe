"""Usage rows as reports see them."""

from __future__ import annotations

import itertools

from keyhouse.domain.usage import Outcome, Pricing, UsageRow

ORGANIZATION = "org-house"
DAY = 86_400
T0 = 20_000 * DAY
"""A midnight, UTC, in Unix seconds."""

_count = itertools.count()


def usage_row(
    *,
    at: int = T0,
    at_us: int | None = None,
    organization_id: str = ORGANIZATION,
    project_id: str = "proj_default",
    user_id: str | None = "user-alice",
    service_account_id: str | None = None,
    key_id: str = "key_a",
    operation: str = "chat.completions",
    model: str | None = "m-small",
    model_asked: str | None = None,
    service_tier: str | None = "default",
    outcome: Outcome = Outcome.COMPLETED,
    input_tokens: int = 100,
    cached_tokens: int = 0,
    cache_write_tokens: int = 0,
    output_tokens: int = 20,
    input_audio_tokens: int = 0,
    output_audio_tokens: int = 0,
    estimated: int = 0,
    cost_nanos: int | None = 0,
    costs: tuple[int, ...] | None = None,
) -> UsageRow:
    """A row admitted at `at` (Unix seconds). `costs` are its input, cached input and output in nano-dollars; `cost_nanos`
    alone is all input; None is unpriced."""
    if costs is None:
        costs = (0, 0, 0) if cost_nanos is None else (cost_nanos, 0, 0)
    unpriced = cost_nanos is None
    return UsageRow(
        request_id=f"req_{next(_count):019d}",
        admitted_at_us=at * 1_000_000 if at_us is None else at_us,
        organization_id=organization_id,
        project_id=project_id,
        user_id=user_id,
        service_account_id=service_account_id,
        key_id=key_id,
        public_id="public",
        client_request_id=None,
        operation=operation,
        model_asked=model_asked or model,
        model_answered=model,
        upstream="local",
        streamed=0,
        status=200,
        outcome=outcome.value,
        error_code=None,
        input_tokens=input_tokens,
        cached_tokens=cached_tokens,
        cache_write_tokens=cache_write_tokens,
        output_tokens=output_tokens,
        reasoning_tokens=0,
        input_audio_tokens=input_audio_tokens,
        output_audio_tokens=output_audio_tokens,
        estimated=estimated,
        service_tier=service_tier,
        pricing=(Pricing.UNPRICED if unpriced else Pricing.PRICED).value,
        price_id=None if unpriced else "price_1",
        cost_nanos=None if unpriced else sum(costs),
        cost_input_nanos=None if unpriced else costs[0],
        cost_cached_nanos=None if unpriced else costs[1],
        cost_output_nanos=None if unpriced else costs[2],
        queue_us=0,
        first_byte_us=1,
        total_us=2,
    )
