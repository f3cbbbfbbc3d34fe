"""Rate limits of models: what is set in a project, and (project None) for the whole organization, all projects together.

Each model that is known by name has a row, whether something is set for it or not. A change is in force once its verb returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from keyhouse.control import fields
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.limit_fields import LimitFields, changed, checked
from keyhouse.control.lookup import require_open_project, require_project
from keyhouse.control.model_names import known_models
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import invalid, not_found, shown
from keyhouse.domain.limits import RateLimitRule, RateLimits, rule_id
from keyhouse.store.contract import ChangeKind, Listed, Transaction


@dataclass(frozen=True, slots=True)
class LimitView:
    """A model's rule, and the limits that are in force now."""

    rule: RateLimitRule
    in_force: RateLimits

    @property
    def increased(self) -> bool:
        return self.in_force != self.rule.limits


@needs(Permission.RATE_LIMITS_READ)
def list_page(
    control: Control,
    caller: Caller,
    project_id: str | None,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 100,
) -> Listed[LimitView]:
    """The rows by model name; `after` and `before` are ids of rows, between which the page begins or ends."""
    if after is not None and before is not None:
        raise invalid("before", "'after' and 'before' exclude each other.")
    now = control.clock()
    with control.store.read() as tx:
        _require_place(tx, caller, project_id)
        rows = [LimitView(rule, rule.limits_at(now)) for rule in _rows(tx, caller, project_id, now)]
    ids = [row.rule.id for row in rows]
    if before is not None:
        end = _place(ids, before, "before")
        begin = max(end - limit, 0)
        return Listed(tuple(rows[begin:end]), begin > 0)
    begin = 0 if after is None else _place(ids, after, "after") + 1
    return Listed(tuple(rows[begin : begin + limit]), len(rows) > begin + limit)


@needs(Permission.RATE_LIMITS_WRITE)
def update(
    control: Control, caller: Caller, project_id: str | None, rate_limit_id: str, given: LimitFields
) -> LimitView:
    """Changes the numbers that are given of the row with this id. Raises `not_found`, `conflict` for an archived project."""
    now = control.clock()
    numbers = checked(given)
    with (
        control.store.read() as tx
    ):  # writers wait for each other: they shall not wait for a look through what was used
        _require_place(tx, caller, project_id)
        model = _model_of_row(tx, caller, project_id, rate_limit_id, now)
    with control.store.write() as tx:
        _require_open_place(tx, caller, project_id)
        rule, seq = _apply(tx, caller, rule_of(tx, caller, project_id, model, now), numbers, now)
    control.announce(seq)
    return LimitView(rule, rule.limits_at(now))


@needs(Permission.RATE_LIMITS_WRITE)
def set_model(control: Control, caller: Caller, project_id: str | None, model: object, given: LimitFields) -> LimitView:
    """Changes the numbers that are given for any one model by its name, whether something serves it yet or not."""
    now = control.clock()
    name, numbers = fields.model(model), checked(given)
    with control.store.write() as tx:
        _require_open_place(tx, caller, project_id)
        rule, seq = _apply(tx, caller, rule_of(tx, caller, project_id, name, now), numbers, now)
    control.announce(seq)
    return LimitView(rule, rule.limits_at(now))


def rule_of(tx: Transaction, caller: Caller, project_id: str | None, model: str, now: int) -> RateLimitRule:
    """The model's rule as it is stored, or one that sets nothing."""
    identifier = rule_id(project_id or caller.organization_id, model)
    stored = tx.rate_limits.get(caller.organization_id, identifier)
    return stored or RateLimitRule(identifier, caller.organization_id, project_id, model, now)


def _apply(
    tx: Transaction, caller: Caller, rule: RateLimitRule, numbers: Mapping[str, int], now: int
) -> tuple[RateLimitRule, int]:
    # Who sets a number means that number: an increase of it that was granted before ends.
    increase = {field: limit for field, limit in rule.increase.given.items() if field not in numbers}
    rule = replace(
        rule,
        limits=changed(rule.limits, numbers),
        increase=RateLimits(**increase),
        increase_until=rule.increase_until if increase else None,
    )
    details: dict[str, object] = {"changes_requested": dict(numbers), "model": rule.model}
    tx.rate_limits.put(rule)
    tx.audit.append(
        event(caller, now, EventType.RATE_LIMIT_UPDATED, rule.id, project_id=rule.project_id, details=details)
    )
    return rule, tx.changes.append(ChangeKind.LIMITS, rule.project_id or "")


def _rows(tx: Transaction, caller: Caller, project_id: str | None, now: int) -> list[RateLimitRule]:
    """A rule for every known model, by model name."""
    rules = {rule.model: rule for rule in tx.rate_limits.of_project(caller.organization_id, project_id)}
    scope_id = project_id or caller.organization_id
    for model in known_models(tx, caller, project_id, now):
        if model not in rules:
            rules[model] = RateLimitRule(rule_id(scope_id, model), caller.organization_id, project_id, model, now)
    return [rules[model] for model in sorted(rules)]


def _model_of_row(tx: Transaction, caller: Caller, project_id: str | None, rate_limit_id: str, now: int) -> str:
    stored = tx.rate_limits.get(caller.organization_id, rate_limit_id)
    if stored is not None and stored.project_id == project_id:
        return stored.model
    for rule in _rows(tx, caller, project_id, now):
        if rule.id == rate_limit_id:
            return rule.model
    raise not_found("rate limit", rate_limit_id)


def _require_place(tx: Transaction, caller: Caller, project_id: str | None) -> None:
    if project_id is not None:
        require_project(tx, caller, project_id)


def _require_open_place(tx: Transaction, caller: Caller, project_id: str | None) -> None:
    if project_id is not None:
        require_open_project(tx, caller, project_id)


def _place(ids: list[str], identifier: str, param: str) -> int:
    if identifier not in ids:
        raise invalid(param, f"'{shown(identifier)}' is not the id of a rate limit in this list.")
    return ids.index(identifier)
