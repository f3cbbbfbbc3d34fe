"""OpenAI's spend limit of the organization, a project or a key: its budget named `spend_limit`, by month, which refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from keyhouse.control import amounts
from keyhouse.control.authority import needs
from keyhouse.control.budget_fields import SPEND_LIMIT
from keyhouse.control.budgets import budget_event, new_budget
from keyhouse.control.context import Caller, Control
from keyhouse.control.fields import UNSET, UnsetType
from keyhouse.control.scopes import Scope, change_of, project_scope, require_open
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.budgets import AtEnd, Budget, Interval
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid
from keyhouse.domain.keys import Key
from keyhouse.domain.levels import Level
from keyhouse.store.contract import Transaction


class SpendLimit(NamedTuple):
    """`is_enforced` is False where no call can come any more, because the project is archived."""

    budget: Budget
    is_enforced: bool


@needs(Permission.BUDGETS_READ)
def show(control: Control, caller: Caller, project_id: str | None) -> SpendLimit:
    """The limit of a project, or (None) of the organization. Raises `not_found` where none is set."""
    with control.store.read() as tx:
        scope = project_scope(tx, caller, project_id)
        return SpendLimit(_require(tx, caller, scope), _is_open(tx, caller, scope))


@needs(Permission.BUDGETS_WRITE)
def put(control: Control, caller: Caller, project_id: str | None, given: Mapping[str, object]) -> SpendLimit:
    """Sets the limit, or replaces the amount of the one that is set: `{threshold_amount, currency, interval}`, in cents."""
    now = control.clock()
    nanos = amounts.monthly_cents(given, least=1)
    details: dict[str, object] = {"name": SPEND_LIMIT, "amount_nanos": nanos}
    with control.store.write() as tx:
        scope = project_scope(tx, caller, project_id)
        require_open(tx, caller, scope, now)
        old = _find(tx, caller, scope)
        if old is None:
            budget = _new(caller, scope, now, nanos)
            tx.budgets.add(budget)
            tx.audit.append(budget_event(caller, now, EventType.BUDGET_CREATED, budget, scope, details=details))
        else:
            budget = replace(old, amount_nanos=nanos)
            tx.budgets.save(budget)
            tx.audit.append(budget_event(caller, now, EventType.BUDGET_UPDATED, budget, scope, details=details))
        seq = tx.changes.append(*change_of(scope.level, scope.id))
    control.announce(seq)
    return SpendLimit(budget, is_enforced=True)


@needs(Permission.BUDGETS_WRITE)
def remove(control: Control, caller: Caller, project_id: str | None) -> None:
    """Removes the limit. Raises `not_found` where none is set."""
    now = control.clock()
    with control.store.write() as tx:
        scope = project_scope(tx, caller, project_id)
        budget = _require(tx, caller, scope)
        tx.budgets.remove(budget.id)
        tx.audit.append(
            budget_event(caller, now, EventType.BUDGET_DELETED, budget, scope, details={"name": SPEND_LIMIT})
        )
        seq = tx.changes.append(*change_of(scope.level, scope.id))
    control.announce(seq)


# --- a key's -----------------------------------------------------------------------------------------------------------


class KeyLimit(NamedTuple):
    """What a change of a key's `spend_limit` does to its budgets."""

    added: tuple[Budget, ...] = ()
    saved: tuple[Budget, ...] = ()
    removed: tuple[Budget, ...] = ()


def key_field(value: object, param: str = "spend_limit") -> int | UnsetType | None:
    """Nano-dollars of a key's field `{threshold_amount, currency, interval}`; null removes the limit, UNSET leaves it."""
    if value is None or value is UNSET:
        return None if value is None else UNSET
    if not isinstance(value, Mapping) or set(value) - {"threshold_amount", "currency", "interval"}:
        raise invalid(param, f"'{param}' must be null or {{threshold_amount, currency, interval}}.")
    return amounts.monthly_cents(value, least=1, within=f"{param}.")


def key_limit(tx: Transaction, caller: Caller, key: Key, nanos: int | UnsetType | None, now: int) -> KeyLimit:
    """The change that gives a key this limit. For a key that is not stored yet, too."""
    if isinstance(nanos, UnsetType):
        return KeyLimit()
    scope = Scope(Level.KEY, key.id, key.project_id)
    old = _find(tx, caller, scope)
    if nanos is None:
        return KeyLimit(removed=() if old is None else (old,))
    if old is None:
        return KeyLimit(added=(_new(caller, scope, now, nanos),))
    return KeyLimit(saved=(replace(old, amount_nanos=nanos),))


def limit_facts(nanos: int | UnsetType | None) -> dict[str, object]:
    """A checked limit for the audit; nothing where none was given."""
    return {} if isinstance(nanos, UnsetType) else {"spend_limit": None if nanos is None else {"amount_nanos": nanos}}


def _new(caller: Caller, scope: Scope, now: int, nanos: int) -> Budget:
    return new_budget(
        caller, scope, now, name=SPEND_LIMIT, amount_nanos=nanos, interval=Interval.MONTH, at_end=AtEnd.REFUSE
    )


def _find(tx: Transaction, caller: Caller, scope: Scope) -> Budget | None:
    return tx.budgets.by_name(caller.organization_id, scope.id, SPEND_LIMIT)


def _require(tx: Transaction, caller: Caller, scope: Scope) -> Budget:
    budget = _find(tx, caller, scope)
    if budget is None:
        where = "the organization" if scope.project_id is None else f"project '{scope.project_id}'"
        raise KeyhouseError(ErrorCode.NOT_FOUND, f"No spend limit is set for {where}.")
    return budget


def _is_open(tx: Transaction, caller: Caller, scope: Scope) -> bool:
    project = None if scope.project_id is None else tx.projects.get(caller.organization_id, scope.project_id)
    return project is None or project.archived_at is None
