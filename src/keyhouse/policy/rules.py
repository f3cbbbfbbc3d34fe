"""What is set: limits and budgets of organizations and projects, as calls meet them. A key's own come with its credential."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from keyhouse.domain.budgets import Budget
from keyhouse.domain.levels import Level
from keyhouse.domain.limits import RateLimit, limits_of
from keyhouse.policy.keyring import Credential
from keyhouse.store.contract import RateLimitRule, Store

_REMEMBERED = 10_000


class InForce(NamedTuple):
    """Rate limits of a call, the organization's, the project's, the key's."""

    limits: tuple[RateLimit, ...]
    until: int | None
    """When a temporary increase among them ends (Unix seconds)."""


class Rules:
    """An immutable snapshot. For one thread."""

    def __init__(self, rules: Iterable[RateLimitRule], budgets: Iterable[Budget]) -> None:
        self._rules = {(rule.project_id or rule.organization_id, rule.model): rule for rule in rules}
        self._budgets: dict[str, list[Budget]] = defaultdict(list)
        for budget in budgets:
            self._budgets[budget.scope_id].append(budget)
        self._found: dict[tuple[str, str], InForce] = {}

    @classmethod
    def load(cls, store: Store) -> Rules:
        with store.read() as tx:
            return cls(tx.rate_limits.all(), tx.budgets.shared())

    def limits(self, credential: Credential, model: str, now: int) -> InForce:
        """The rate limits in force for a call of this model at `now`."""
        if not self._rules:
            return InForce(credential.limits, None)
        found = self._found.get((credential.project_id, model))
        if found is None or (found.until is not None and found.until <= now):
            found = self._find(credential, model, now)
        return found._replace(limits=found.limits + credential.limits) if credential.limits else found

    def budgets(self, credential: Credential) -> tuple[Budget, ...]:
        """The budgets that a call is charged to, from the widest to the narrowest."""
        if not self._budgets:
            return credential.budgets
        organization = self._budgets.get(credential.organization_id, ())
        return (*organization, *self._budgets.get(credential.project_id, ()), *credential.budgets)

    def budget_ids(self) -> set[str]:
        """Of the budgets of organizations and projects."""
        return {budget.id for budgets in self._budgets.values() for budget in budgets}

    def _find(self, credential: Credential, model: str, now: int) -> InForce:
        limits: tuple[RateLimit, ...] = ()
        ends: list[int] = []
        for scope in (credential.organization_id, credential.project_id):
            rule = self._rules.get((scope, model))
            if rule is not None:
                level, scope_id = _scope(rule)
                limits += limits_of(level, scope_id, model, rule.limits_at(now))
                if rule.increase_until is not None and rule.increase_until > now:
                    ends.append(rule.increase_until)
        # Callers choose the names: what is remembered of them is bounded.
        if len(self._found) >= _REMEMBERED:
            self._found.clear()
        self._found[credential.project_id, model] = found = InForce(limits, min(ends, default=None))
        return found


def _scope(rule: RateLimitRule) -> tuple[Level, str]:
    if rule.project_id is None:
        return Level.ORGANIZATION, rule.organization_id
    return Level.PROJECT, rule.project_id
