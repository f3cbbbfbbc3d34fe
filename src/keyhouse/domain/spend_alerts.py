"""Spend alerts: who is told when spending at a level reaches a threshold. Money is integer nano-dollars."""

from __future__ import annotations

from dataclasses import dataclass

from keyhouse.domain.budgets import Interval, Period, period_of
from keyhouse.domain.levels import Level


@dataclass(frozen=True, slots=True)
class SpendAlert:
    """Fires once in each period in which spending reaches `threshold_nanos`; 0 fires with the first call that costs anything.

    `recipients` are e-mail addresses. `subject_prefix` begins the mail's subject. `webhook_url` is told as well.
    """

    id: str
    organization_id: str
    level: Level
    scope_id: str
    threshold_nanos: int
    interval: Interval
    recipients: tuple[str, ...]
    created_at: int
    subject_prefix: str | None = None
    webhook_url: str | None = None

    def period(self, at: int) -> Period:
        return period_of(self.interval, at)
