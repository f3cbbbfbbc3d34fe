"""Requests for higher rate limits and bigger budgets: somebody asks, an owner grants or denies; each step is audited.

A granted increase is in force once `grant` returns. One with an end gives way by itself to what was set before, at that second.
"""

from __future__ import annotations

from dataclasses import replace

from keyhouse.control import increase_fields as asked
from keyhouse.control.amounts import MAX_DOLLARS
from keyhouse.control.authority import needs, require
from keyhouse.control.budgets import budget_event
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET, model
from keyhouse.control.increase_fields import IncreaseFields
from keyhouse.control.limits import rule_of
from keyhouse.control.lookup import require_open_project
from keyhouse.control.scopes import change_of, require_open, scope_of
from keyhouse.domain import ids
from keyhouse.domain.audit import AuditEvent, EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.budgets import Budget
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, not_found, shown
from keyhouse.domain.increases import IncreaseKind, IncreaseRequest, IncreaseStatus
from keyhouse.domain.levels import Level
from keyhouse.domain.limits import RateLimitRule, RateLimits
from keyhouse.domain.money import NANOS_PER_DOLLAR
from keyhouse.store.contract import ChangeKind, Listed, Page, Transaction


@needs(Permission.INCREASES_REQUEST, somewhere=True)
def request(control: Control, caller: Caller, given: IncreaseFields) -> IncreaseRequest:
    """Asks for more. Raises `not_found` for a project or budget that is not there, and where there is no limit to raise."""
    now = control.clock()
    of_budget = asked.is_of_budget(given)
    reason, until = asked.reason(given.reason), asked.until(given.until, now, required=of_budget)
    with control.store.write() as tx:
        wanted = _budget_request(tx, caller, given) if of_budget else _limits_request(tx, caller, given, now)
        wanted = replace(wanted, reason=reason, until=until, created_at=now)
        project_id = _project_id(tx, caller, wanted)
        require(caller, Permission.INCREASES_REQUEST, project_id)
        tx.increases.add(wanted)
        tx.audit.append(_event(caller, now, EventType.INCREASE_REQUEST_CREATED, wanted, project_id))
    return wanted


@needs(Permission.BUDGETS_READ)
def list_page(
    control: Control,
    caller: Caller,
    *,
    status: str | None = None,
    after: str | None = None,
    before: str | None = None,
    limit: int = 20,
    newest_first: bool = False,
) -> Listed[IncreaseRequest]:
    """Requests, oldest first unless said otherwise; those that are `open`, `granted` or `denied`, or all."""
    with control.store.read() as tx:
        wanted = None if status is None else IncreaseStatus(status)
        return tx.increases.list(caller.organization_id, Page(after, limit, newest_first, before), wanted)


@needs(Permission.BUDGETS_READ, somewhere=True)
def show(control: Control, caller: Caller, request_id: str) -> IncreaseRequest:
    """One request, whatever became of it."""
    with control.store.read() as tx:
        found = _require(tx, caller, request_id)
        require(caller, Permission.BUDGETS_READ, _project_id(tx, caller, found))
        return found


@needs(Permission.BUDGETS_WRITE, somewhere=True)
def grant(control: Control, caller: Caller, request_id: str, *, until: object = UNSET) -> IncreaseRequest:
    """Puts what is asked for in force, until another time than was asked where `until` is given.

    Raises `conflict` for a request that is decided already, and where what it would raise has changed so that it cannot.
    """
    now = control.clock()
    with control.store.write() as tx:
        found = _require_undecided(tx, caller, request_id)
        ends = found.until if until is UNSET else until
        end = asked.until(ends, now, required=found.kind is IncreaseKind.BUDGET)
        granted = replace(found, until=end, status=IncreaseStatus.GRANTED, decided_by=caller.actor, decided_at=now)
        project_id = _project_id(tx, caller, found)
        require(caller, Permission.BUDGETS_WRITE, project_id)
        seq = _raise_budget(tx, caller, granted, now) if found.budget_id else _raise_limits(tx, caller, granted, now)
        tx.increases.save(granted)
        tx.audit.append(_event(caller, now, EventType.INCREASE_REQUEST_GRANTED, granted, project_id))
    control.announce(seq)
    return granted


@needs(Permission.BUDGETS_WRITE, somewhere=True)
def deny(control: Control, caller: Caller, request_id: str) -> IncreaseRequest:
    """Leaves everything as it is. Raises `conflict` for a request that is decided already."""
    now = control.clock()
    with control.store.write() as tx:
        found = _require_undecided(tx, caller, request_id)
        denied = replace(found, status=IncreaseStatus.DENIED, decided_by=caller.actor, decided_at=now)
        project_id = _project_id(tx, caller, found)
        require(caller, Permission.BUDGETS_WRITE, project_id)
        tx.increases.save(denied)
        tx.audit.append(_event(caller, now, EventType.INCREASE_REQUEST_DENIED, denied, project_id))
    return denied


def _limits_request(tx: Transaction, caller: Caller, given: IncreaseFields, now: int) -> IncreaseRequest:
    name, wanted = model(given.model), asked.rate_limits(given.rate_limits)
    project_id = given.project_id
    if project_id is not None:
        if not isinstance(project_id, str):
            raise invalid("project_id", "'project_id' must be an id, or null.")
        require_open_project(tx, caller, project_id)
    in_force = rule_of(tx, caller, project_id, name, now).limits_at(now).given
    for field, number in wanted.given.items():
        if field not in in_force:
            raise invalid(f"rate_limits.{field}", f"Model '{shown(name)}' has no '{field}' here that could be raised.")
        if number <= in_force[field]:
            message = f"'{field}' of model '{shown(name)}' is {in_force[field]:,} already."
            raise invalid(f"rate_limits.{field}", message)
    level = Level.ORGANIZATION if project_id is None else Level.PROJECT
    place = (level, project_id or caller.organization_id)
    return replace(_blank(caller, IncreaseKind.RATE_LIMIT, *place), model=name, limits=wanted)


def _budget_request(tx: Transaction, caller: Caller, given: IncreaseFields) -> IncreaseRequest:
    if not isinstance(given.budget_id, str):
        raise invalid("budget_id", "'budget_id' must be a budget's id.")
    nanos = asked.amount(given.amount)
    budget = tx.budgets.get(caller.organization_id, given.budget_id)
    if budget is None:
        raise not_found("budget", given.budget_id)
    blank = _blank(caller, IncreaseKind.BUDGET, budget.level, budget.scope_id)
    return replace(blank, budget_id=budget.id, amount_nanos=nanos)


def _blank(caller: Caller, kind: IncreaseKind, level: Level, scope_id: str) -> IncreaseRequest:
    request_id = ids.new_id(ids.INCREASE_REQUEST)
    return IncreaseRequest(request_id, caller.organization_id, kind, level, scope_id, "", caller.actor, 0)


def _raise_limits(tx: Transaction, caller: Caller, granted: IncreaseRequest, now: int) -> int:
    project_id = granted.scope_id if granted.level is Level.PROJECT else None
    if project_id is not None:
        require_open_project(tx, caller, project_id)
    rule = _raised(rule_of(tx, caller, project_id, granted.model or "", now), granted, now)
    details: dict[str, object] = {
        "changes_requested": granted.limits.given, "model": rule.model, "until": granted.until, "increase": granted.id,
    }  # fmt: skip
    tx.rate_limits.put(rule)
    tx.audit.append(event(caller, now, EventType.RATE_LIMIT_UPDATED, rule.id, project_id=project_id, details=details))
    return tx.changes.append(ChangeKind.LIMITS, project_id or "")


def _raised(rule: RateLimitRule, granted: IncreaseRequest, now: int) -> RateLimitRule:
    limits = rule.limits.given
    wanted = {field: number for field, number in granted.limits.given.items() if field in limits}
    if not wanted:
        raise _conflict(f"Model '{shown(rule.model)}' has no such limit any more; deny the request.")
    if granted.until is None:
        raised = {field: max(limit, wanted.get(field, limit)) for field, limit in limits.items()}
        return replace(rule, limits=RateLimits(**raised))
    before = rule.increase.given if _is_running(rule.increase_until, granted, now) else {}
    together = {field: max(before.get(field, 0), wanted.get(field, 0)) for field in {*before, *wanted}}
    return replace(rule, increase=RateLimits(**together), increase_until=granted.until)


def _is_running(until: int | None, granted: IncreaseRequest, now: int) -> bool:
    """Whether another increase is in force, to be added to. Raises for one with another end: there is one end for both, and
    taking the new one would cut short, or draw out, what was granted before."""
    if until is None or until <= now:
        return False
    if until != granted.until:
        raise _conflict(f"There is an increase until {until} (Unix seconds) already; grant this one until then too.")
    return True


def _raise_budget(tx: Transaction, caller: Caller, granted: IncreaseRequest, now: int) -> int:
    budget = _require_budget(tx, caller, granted)
    scope = scope_of(tx, caller, budget)
    require_open(tx, caller, scope, now)
    before = budget.increase_nanos if _is_running(budget.increase_until, granted, now) else 0
    together = before + (granted.amount_nanos or 0)
    if together > MAX_DOLLARS * NANOS_PER_DOLLAR:
        raise _conflict(f"The budget's increases together would be over {MAX_DOLLARS:,} US dollars.")
    budget = replace(budget, increase_nanos=together, increase_until=granted.until)
    changes = {"increase_nanos": budget.increase_nanos, "increase_until": budget.increase_until}
    details: dict[str, object] = {"changes_requested": changes, "increase": granted.id}
    tx.budgets.save(budget)
    tx.audit.append(budget_event(caller, now, EventType.BUDGET_UPDATED, budget, scope, details=details))
    return tx.changes.append(*change_of(scope.level, scope.id))


def _require_budget(tx: Transaction, caller: Caller, granted: IncreaseRequest) -> Budget:
    budget = tx.budgets.get(caller.organization_id, granted.budget_id or "")
    if budget is None:
        raise _conflict("The budget is gone; deny the request.")
    return budget


def _require(tx: Transaction, caller: Caller, request_id: str) -> IncreaseRequest:
    found = tx.increases.get(caller.organization_id, request_id)
    if found is None:
        raise not_found("increase request", request_id)
    return found


def _require_undecided(tx: Transaction, caller: Caller, request_id: str) -> IncreaseRequest:
    found = _require(tx, caller, request_id)
    if found.status is not IncreaseStatus.OPEN:
        raise _conflict(f"The request is {found.status.value} already.")
    return found


def _project_id(tx: Transaction, caller: Caller, wanted: IncreaseRequest) -> str | None:
    """The project that the request is about, for the audit."""
    if wanted.level is Level.KEY:
        key = tx.keys.get(caller.organization_id, wanted.scope_id)
        return None if key is None else key.project_id
    return wanted.scope_id if wanted.level is Level.PROJECT else None


def _event(caller: Caller, now: int, type_: EventType, item: IncreaseRequest, project_id: str | None) -> AuditEvent:
    what: dict[str, object] = {"model": item.model, "rate_limits": item.limits.given}
    if item.kind is IncreaseKind.BUDGET:
        what = {"budget_id": item.budget_id, "amount_nanos": item.amount_nanos}
    details = {"kind": item.kind.value, **what, "until": item.until, "reason": item.reason}
    return event(caller, now, type_, item.id, project_id=project_id, details=details)


def _conflict(message: str) -> KeyhouseError:
    return KeyhouseError(ErrorCode.CONFLICT, message)
