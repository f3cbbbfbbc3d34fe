"""At start-up, before the first call: what was under way when the last gateway was cut gets its usage row.

A call without a row is charged its input, as estimated at admission, and the output that its client was sent:

    output tokens = max(content events relayed, content bytes relayed / 4, rounded up)

(an event carries one token or more; four bytes a token is what English text has). Its row says interrupted and estimated, has
the price in force at its admission, status 0 because nobody knows what the client saw, and no timings.

Rows are durable before their intents end, and a call that has a row gets no second one, so recovery itself may be cut anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from keyhouse.domain.usage import Outcome, TokenUsage, UsageRow
from keyhouse.ledger.intents import Intents, LeftOver
from keyhouse.ledger.pricing import PriceBook, settle
from keyhouse.store.contract import Ledger

STATUS_UNKNOWN = 0
_BYTES_PER_TOKEN = 4
_BATCH = 1000


def recover(intents: Intents, ledger: Ledger, price_book: PriceBook) -> int:
    """Settles every left-over intent; returns how many calls were charged. Raises `LedgerUnavailable`; then start again later."""
    left_over = intents.left_over()
    charged = 0
    for start in range(0, len(left_over), _BATCH):
        charged += _settle(left_over[start : start + _BATCH], intents, ledger, price_book)
    return charged


def _settle(batch: Sequence[LeftOver], intents: Intents, ledger: Ledger, price_book: PriceBook) -> int:
    known = ledger.contains([left.intent.request_id for left in batch])
    rows = [interrupted_row(left, price_book) for left in batch if left.intent.request_id not in known]
    if rows:
        ledger.append(rows)
    for left in batch:
        intents.end(left.slot)
    return len(rows)


def interrupted_row(left: LeftOver, price_book: PriceBook) -> UsageRow:
    intent = left.intent
    usage = TokenUsage(input_tokens=intent.input_tokens, output_tokens=output_tokens(left.events, left.content_bytes))
    admitted_at = intent.admitted_at_us // 1_000_000
    pricing, price_id, cost = settle(price_book, intent.model_asked, None, admitted_at, usage)
    return UsageRow(
        request_id=intent.request_id,
        admitted_at_us=intent.admitted_at_us,
        organization_id=intent.organization_id,
        project_id=intent.project_id,
        user_id=intent.user_id,
        service_account_id=intent.service_account_id,
        key_id=intent.key_id,
        public_id=intent.public_id,
        client_request_id=intent.client_request_id,
        operation=intent.operation,
        model_asked=intent.model_asked,
        model_answered=None,
        upstream=intent.upstream,
        streamed=intent.streamed,
        status=STATUS_UNKNOWN,
        outcome=Outcome.INTERRUPTED.value,
        error_code=None,
        input_tokens=usage.input_tokens,
        cached_tokens=0,
        cache_write_tokens=0,
        output_tokens=usage.output_tokens,
        reasoning_tokens=0,
        input_audio_tokens=0,
        output_audio_tokens=0,
        estimated=1,
        service_tier=None,
        pricing=pricing.value,
        price_id=price_id,
        cost_nanos=None if cost is None else cost.total,
        cost_input_nanos=None if cost is None else cost.input,
        cost_cached_nanos=None if cost is None else cost.cached_input,
        cost_output_nanos=None if cost is None else cost.output,
        queue_us=0,
        first_byte_us=None,
        total_us=0,
    )


def output_tokens(events: int, content_bytes: int) -> int:
    """The estimate above, from the totals that `Intents.relayed` was given."""
    return max(events, -(-content_bytes // _BYTES_PER_TOKEN))
