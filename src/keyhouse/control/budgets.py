"""Budgets of the organization, its projects and keys. A verb returns once every running gateway holds calls to the change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keyhouse.control import fields
from keyhouse.control.authority import needs, require
from keyhouse.control.budget_fields import BudgetFields, checked, facts, name_taken, required, settled
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.pages import every
from keyhouse.control.scopes import Scope, change_of, find_scope, require_open, scope_of
from keyhouse.domain import ids
from keyhouse.domain.audit import AuditEvent, EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.budgets import AtEnd, Budget
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, not_found, shown
from keyhouse.domain.levels import Level
from keyhouse.store.contract import Listed, Page, ScopeFilter, Transaction

MAX_BUDGETS = 20
"""Budgets of one scope: every call reserves on each of them."""


@needs(Permission.BUDGETS_WRITE, somewhere=True)
def create(
    control: Control, caller: Caller, given: BudgetFields, *, project_id: object = None, key_id: object = None
) -> Budget:
    """A budget of a key, a project, or (both None) the organization, in force at once and for the whole period that runs.

    Raises `not_found` for a scope that is not there, `conflict` for one that is archived or revoked and for a taken name.
    """
    now = control.clock()
    wanted = {"at_end": AtEnd.REFUSE, **checked(required(given), now)}
    with control.store.write() as tx:
        scope = find_scope(tx, caller, project_id, key_id)
        require(caller, Permission.BUDGETS_WRITE, scope.project_id)
        require_open(tx, caller, scope, now)
        budget = settled(new_budget(caller, scope, now, **wanted))
        refuse_taken(tx, caller, budget)
        _refuse_crowd(tx, caller, scope)
        tx.budgets.add(budget)
        tx.audit.append(budget_event(caller, now, EventType.BUDGET_CREATED, budget, scope, details=facts(wanted)))
        seq = tx.changes.append(*change_of(scope.level, scope.id))
    control.announce(seq)
    return budget


@needs(Permission.BUDGETS_READ, somewhere=True)
def list_page(
    control: Control,
    caller: Caller,
    *,
    level: str | None = None,
    project_id: str | None = None,
    key_id: str | None = None,
    after: str | None = None,
    before: str | None = None,
    limit: int = 20,
    newest_first: bool = False,
) -> Listed[Budget]:
    """Budgets, oldest first unless said otherwise, of every level or of one, of every scope or of one project or key."""
    with control.store.read() as tx:
        where = ScopeFilter(None if level is None else Level(level))
        scope = find_scope(tx, caller, project_id, key_id)
        require(caller, Permission.BUDGETS_READ, scope.project_id)
        if project_id is not None or key_id is not None:
            where = where._replace(scope_id=scope.id)
        return tx.budgets.list(caller.organization_id, where, Page(after, limit, newest_first, before))


@needs(Permission.BUDGETS_READ, somewhere=True)
def show(control: Control, caller: Caller, budget_id: str) -> Budget:
    """One budget. Raises `not_found`."""
    with control.store.read() as tx:
        return _require(tx, caller, budget_id, Permission.BUDGETS_READ)


@needs(Permission.BUDGETS_WRITE, somewhere=True)
def update(control: Control, caller: Caller, budget_id: str, given: BudgetFields) -> Budget:
    """Changes the fields that are given. What was spent stays spent: another amount holds for the period that runs."""
    now = control.clock()
    wanted = checked(given, now)
    if not wanted:
        raise invalid("amount", "Give something to change: name, amount, interval, at_end or increase.")
    with control.store.write() as tx:
        old = _require(tx, caller, budget_id, Permission.BUDGETS_WRITE)
        scope = scope_of(tx, caller, old)
        require_open(tx, caller, scope, now)
        budget = settled(replace(old, **wanted))
        _refuse_other_interval(old, budget)
        if budget.name != old.name:
            refuse_taken(tx, caller, budget)
        details: dict[str, object] = {"changes_requested": facts(wanted)}
        tx.budgets.save(budget)
        tx.audit.append(budget_event(caller, now, EventType.BUDGET_UPDATED, budget, scope, details=details))
        seq = tx.changes.append(*change_of(scope.level, scope.id))
    control.announce(seq)
    return budget


@needs(Permission.BUDGETS_WRITE, somewhere=True)
def grant_increase(control: Control, caller: Caller, budget_id: str, amount: object, until: object) -> Budget:
    """Adds `amount` (US dollars, a decimal text) to the budget until `until` (Unix seconds), instead of an increase before."""
    return update(control, caller, budget_id, BudgetFields(increase={"amount": amount, "until": until}))


@needs(Permission.BUDGETS_WRITE, somewhere=True)
def remove(control: Control, caller: Caller, budget_id: str) -> Budget:
    """Removes a budget: calls are no longer held to it. What was spent is in the ledger all the same."""
    now = control.clock()
    with control.store.write() as tx:
        budget = _require(tx, caller, budget_id, Permission.BUDGETS_WRITE)
        scope = scope_of(tx, caller, budget)
        tx.budgets.remove(budget.id)
        tx.audit.append(
            budget_event(caller, now, EventType.BUDGET_DELETED, budget, scope, details={"name": budget.name})
        )
        seq = tx.changes.append(*change_of(scope.level, scope.id))
    control.announce(seq)
    return budget


@needs(Permission.BUDGETS_WRITE, somewhere=True)
def put(
    control: Control, caller: Caller, given: BudgetFields, *, project_id: str | None = None, key_id: str | None = None
) -> Budget:
    """The budget with this name in this scope, changed if there is one and created if there is none."""
    with control.store.read() as tx:
        scope = find_scope(tx, caller, project_id, key_id)
        old = tx.budgets.by_name(caller.organization_id, scope.id, fields.name(given.name))
    if old is None:
        return create(control, caller, given, project_id=project_id, key_id=key_id)
    return update(control, caller, old.id, given)


@needs(Permission.BUDGETS_READ, somewhere=True)
def find(
    control: Control, caller: Caller, text: str, *, project_id: str | None = None, key_id: str | None = None
) -> Budget:
    """The budget with this id, or the only one with this name: in the whole organization, or of one project or key."""
    with control.store.read() as tx:
        where = ScopeFilter()
        scope = find_scope(tx, caller, project_id, key_id)
        require(caller, Permission.BUDGETS_READ, scope.project_id)
        if project_id is not None or key_id is not None:
            where = ScopeFilter(scope.level, scope.id)
        exact = tx.budgets.get(caller.organization_id, text)
        if exact is not None and where.scope_id in {None, exact.scope_id}:
            return exact

        def page(cut: Page) -> Listed[Budget]:
            return tx.budgets.list(caller.organization_id, where, cut)

        named = [budget for budget in every(page, lambda b: b.id) if budget.name == text]
    if not named:
        raise not_found("budget", text)
    if len(named) > 1:
        known = ", ".join(budget.id for budget in named[:5])
        raise invalid("budget", f"'{shown(text)}' names {len(named)} budgets; use an id: {known}.")
    return named[0]


# --- what spend limits need too --------------------------------------------------------------------------------------


def new_budget(caller: Caller, scope: Scope, now: int, **attributes: Any) -> Budget:
    """A budget of this scope that is not stored yet."""
    return Budget(
        id=ids.new_id(ids.BUDGET),
        organization_id=caller.organization_id,
        level=scope.level,
        scope_id=scope.id,
        created_at=now,
        **attributes,
    )


def budget_event(
    caller: Caller, now: int, type_: EventType, budget: Budget, scope: Scope, *, details: dict[str, object]
) -> AuditEvent:
    details = {"level": scope.level.value, "scope_id": scope.id, **details}
    return event(caller, now, type_, budget.id, project_id=scope.project_id, details=details)


def refuse_taken(tx: Transaction, caller: Caller, budget: Budget) -> None:
    if tx.budgets.by_name(caller.organization_id, budget.scope_id, budget.name) is not None:
        raise name_taken(shown(budget.name))


def _refuse_other_interval(old: Budget, budget: Budget) -> None:
    # A balance is known by its budget and the start of its period, which two intervals may share.
    if budget.interval is not old.interval:
        message = f"A budget's interval does not change: this one's is \"{old.interval.value}\". Remove it and create another."
        raise invalid("interval", message)


def _refuse_crowd(tx: Transaction, caller: Caller, scope: Scope) -> None:
    where = ScopeFilter(scope.level, scope.id)
    if len(tx.budgets.list(caller.organization_id, where, Page(limit=MAX_BUDGETS)).items) >= MAX_BUDGETS:
        message = f"There are {MAX_BUDGETS} budgets here already, as many as there may be; remove one first."
        raise KeyhouseError(ErrorCode.CONFLICT, message)


def _require(tx: Transaction, caller: Caller, budget_id: str, permission: Permission) -> Budget:
    budget = tx.budgets.get(caller.organization_id, budget_id)
    if budget is None:
        raise not_found("budget", budget_id)
    require(caller, permission, scope_of(tx, caller, budget).project_id)
    return budget
