"""Notices: what is told to somebody outside, until it is delivered or given up; and the secrets that sign webhooks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from keyhouse.domain.notices import Notice, NoticeState
from keyhouse.store.contract.facts import Listed, Page


class Notices(Protocol):
    """An outbox: who has a reason to tell something adds it in the transaction that notes the reason."""

    def add(self, notice: Notice) -> None: ...
    def claim(self, now: int, until: int, limit: int, busy: Collection[str] = ()) -> Sequence[Notice]:
        """Those that are due at `now`, the longest due first: at most one of a lane, none of the `busy` lanes.

        Each is claimed: an attempt is counted, and nobody else is given it before `until`, whatever becomes of the claimant.
        """
        ...

    def delivered(self, notice_id: str, at: int) -> None: ...
    def put_off(self, notice_id: str, until: int, error: str) -> None:
        """The attempt failed; the next one is made at `until`."""
        ...

    def give_up(self, notice_id: str, at: int, error: str) -> None: ...
    def get(self, organization_id: str, notice_id: str) -> Notice | None: ...
    def list(self, organization_id: str, state: NoticeState | None, page: Page) -> Listed[Notice]:
        """Newest first, whatever the page says."""
        ...

    def next_attempt_at(self) -> int | None:
        """When the first of those that wait is due."""
        ...

    def purge(self, before: int) -> int:
        """Deletes those that were created before and wait no more; how many."""
        ...

    def first_time(self, about: str, period_start: int, at: int) -> bool:
        """Notes durably that something (a budget) was told of in the period that begins at `period_start`: True for the first to
        say so."""
        ...

    def was_told(self, about: str, period_start: int) -> bool: ...


class WebhookSecrets(Protocol):
    """One an organization, sealed."""

    def get(self, organization_id: str) -> bytes | None: ...
    def put(self, organization_id: str, sealed: bytes, at: int) -> None:
        """Replaces the one before."""
        ...
