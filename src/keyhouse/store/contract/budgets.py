"""Budgets and spend alerts: facts that control writes and gateways follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from keyhouse.domain.budgets import Budget
from keyhouse.domain.levels import Level
from keyhouse.domain.spend_alerts import SpendAlert
from keyhouse.store.contract.facts import Listed, Page


class ScopeFilter(NamedTuple):
    """Which budgets or alerts a list shows. None does not restrict."""

    level: Level | None = None
    scope_id: str | None = None


class Budgets(Protocol):
    """Names are unique among the budgets of one scope. The lists of a snapshot come widest level first, then oldest first."""

    def add(self, budget: Budget) -> None: ...
    def save(self, budget: Budget) -> None: ...
    def remove(self, budget_id: str) -> None: ...
    def get(self, organization_id: str, budget_id: str) -> Budget | None: ...
    def by_name(self, organization_id: str, scope_id: str, name: str) -> Budget | None: ...
    def named(self, organization_id: str, scope_ids: Sequence[str], name: str) -> Mapping[str, Budget]:
        """The budget of this name in each of these scopes that has one, by the scope's id."""
        ...

    def list(self, organization_id: str, where: ScopeFilter, page: Page) -> Listed[Budget]:
        """Oldest first. A cursor whose budget was removed still marks its place."""
        ...

    def shared(self) -> Sequence[Budget]:
        """Every budget of an organization or a project: what a gateway holds in memory."""
        ...

    def of_key(self, key_id: str) -> tuple[Budget, ...]:
        """The key's own budgets, oldest first."""
        ...


class SpendAlerts(Protocol):
    def add(self, alert: SpendAlert) -> None: ...
    def save(self, alert: SpendAlert) -> None:
        """Overwrites the alert. With another threshold or interval it may fire again in periods in which it has fired."""
        ...

    def remove(self, alert_id: str) -> None:
        """Forgets the alert and what it has fired."""
        ...

    def get(self, organization_id: str, alert_id: str) -> SpendAlert | None: ...
    def list(self, organization_id: str, where: ScopeFilter, page: Page) -> Listed[SpendAlert]:
        """Oldest first. A cursor whose alert was removed still marks its place."""
        ...

    def all(self) -> Sequence[SpendAlert]: ...
    def mark_fired(self, alert_id: str, period_start: int, at: int) -> bool:
        """Notes durably that the alert has fired in the period that begins at `period_start`: True for the first to say so, and
        False where it was noted before, or where there is no such alert any more."""
        ...

    def has_fired(self, alert_id: str, period_start: int) -> bool: ...
