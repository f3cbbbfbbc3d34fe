"""Rows and intents to test with, and a ledger in memory that can be told to fail."""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from keyhouse.domain.usage import UsageRow
from keyhouse.ledger.intents import Intent
from keyhouse.store.contract import Balance, LedgerRow, LedgerUnavailable, Recount

ADMITTED_AT_US = 1_700_000_000_000_000


def make_row(request_id: str) -> UsageRow:
    """A call of alice's that was completed."""
    return UsageRow(
        request_id=request_id,
        admitted_at_us=ADMITTED_AT_US,
        organization_id="org-1",
        project_id="proj_1",
        user_id="user-alice",
        service_account_id=None,
        key_id="key_1",
        public_id="abcdefghijkl",
        client_request_id=None,
        operation="chat.completions",
        model_asked="gpt-4o-mini",
        model_answered="gpt-4o-mini-2024-07-18",
        upstream="openai",
        streamed=0,
        status=200,
        outcome="completed",
        error_code=None,
        input_tokens=12,
        cached_tokens=0,
        cache_write_tokens=0,
        output_tokens=34,
        reasoning_tokens=0,
        input_audio_tokens=0,
        output_audio_tokens=0,
        estimated=0,
        service_tier=None,
        pricing="unpriced",
        price_id=None,
        cost_nanos=None,
        cost_input_nanos=None,
        cost_cached_nanos=None,
        cost_output_nanos=None,
        queue_us=5,
        first_byte_us=200_000,
        total_us=900_000,
    )


def make_intent(request_id: str, *, model: str | None = "gpt-4o-mini", input_tokens: int = 12) -> Intent:
    """The same call, before it was sent upstream."""
    return Intent(
        request_id=request_id,
        admitted_at_us=ADMITTED_AT_US,
        organization_id="org-1",
        project_id="proj_1",
        user_id="user-alice",
        service_account_id=None,
        key_id="key_1",
        public_id="abcdefghijkl",
        client_request_id=None,
        operation="chat.completions",
        model_asked=model,
        upstream="openai",
        streamed=1,
        input_tokens=input_tokens,
    )


@contextmanager
def no_file_may_outgrow(size: int) -> Iterator[None]:
    """Writes beyond so many bytes fail, as on a full disk, for every file of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


class MemoryLedger:
    """Keeps `contract.Ledger`'s promises in memory. `failure` is raised by every append while it is set; a row whose request id
    is in `refused` is a fault in itself; `gate`, while cleared, holds appends back."""

    def __init__(self) -> None:
        self.rows: dict[str, UsageRow] = {}
        self.commits: list[list[str]] = []
        self.failure: LedgerUnavailable | None = None
        self.refused: set[str] = set()
        self.attempts = 0
        self.opened: list[Balance] = []
        self.gate = threading.Event()
        self.gate.set()

    def append(self, rows: Sequence[UsageRow]) -> None:
        self.gate.wait()
        self.attempts += 1
        if self.failure is not None:
            raise self.failure
        if any(row.request_id in self.refused for row in rows):
            raise ValueError("a value that the ledger cannot take")
        self.commits.append([row.request_id for row in rows])
        for row in rows:
            self.rows.setdefault(row.request_id, row)

    def since(self, seq: int, limit: int = 10_000) -> Sequence[LedgerRow]:
        return [LedgerRow(n, row) for n, row in enumerate(self.rows.values(), 1) if n > seq][:limit]

    def contains(self, request_ids: Sequence[str]) -> set[str]:
        return self.rows.keys() & set(request_ids)

    def get(self, request_id: str) -> LedgerRow | None:
        return next((found for found in self.since(0) if found.row.request_id == request_id), None)

    def open_balance(self, balance: Balance, through_seq: int = 0) -> int:
        """What it keeps is only what it was given: those who need more take a real ledger."""
        assert through_seq == 0
        if self.failure is not None:
            raise self.failure
        self.opened.append(balance)
        return balance.spent_nanos

    def balances(self, budget_ids: Sequence[str] | None = None) -> Sequence[Balance]:
        return [balance for balance in self.opened if budget_ids is None or balance.budget_id in budget_ids]

    def recount(self, through_seq: int | None = None) -> Recount:
        raise NotImplementedError
