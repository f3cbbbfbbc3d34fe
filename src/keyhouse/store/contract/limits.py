"""Rate limits of models, and requests for higher ones and for bigger budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from keyhouse.domain.increases import IncreaseRequest, IncreaseStatus
from keyhouse.domain.limits import RateLimitRule
from keyhouse.store.contract.facts import Listed, Page


class RateLimitRules(Protocol):
    """One rule for each model of a project or of the organization itself; only rules that set something are kept."""

    def all(self) -> Sequence[RateLimitRule]:
        """Every rule of every organization: what a gateway holds in memory."""
        ...

    def of_project(self, organization_id: str, project_id: str | None) -> Sequence[RateLimitRule]:
        """The rules of a project, or (None) of the organization itself, by model."""
        ...

    def get(self, organization_id: str, rule_id: str) -> RateLimitRule | None: ...

    def put(self, rule: RateLimitRule) -> None:
        """Stores the rule in place of the one with its id; a rule that sets nothing is forgotten."""
        ...


class IncreaseRequests(Protocol):
    def add(self, request: IncreaseRequest) -> None: ...
    def get(self, organization_id: str, request_id: str) -> IncreaseRequest | None: ...
    def save(self, request: IncreaseRequest) -> None: ...
    def list(self, organization_id: str, page: Page, status: IncreaseStatus | None = None) -> Listed[IncreaseRequest]:
        """Oldest first; those in any state where `status` is None."""
        ...
