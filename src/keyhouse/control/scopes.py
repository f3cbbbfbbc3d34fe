"""Where a budget or an alert holds, as callers name it: a project, a key, or neither for the whole organization."""

from __future__ import annotations

from typing import NamedTuple

from keyhouse.control.context import Caller
from keyhouse.control.lookup import require_open_project, require_project
from keyhouse.domain import keys as life
from keyhouse.domain.budgets import Budget
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, shown
from keyhouse.domain.keys import Key
from keyhouse.domain.levels import Level
from keyhouse.store.contract import ChangeKind, Transaction


class Scope(NamedTuple):
    """`project_id` is the project that the scope is or lies in, None for the organization."""

    level: Level
    id: str
    project_id: str | None


def find_scope(tx: Transaction, caller: Caller, project_id: object = None, key_id: object = None) -> Scope:
    """The scope that is named. Raises `not_found` naming the field, also for a key that belongs to another project."""
    project_name, key_name = _id(project_id, "project_id"), _id(key_id, "key_id")
    if project_name is not None and tx.projects.get(caller.organization_id, project_name) is None:
        raise _unknown("project", project_name, "project_id")
    if key_name is not None:
        key = tx.keys.get(caller.organization_id, key_name)
        if key is None or project_name not in {None, key.project_id}:
            raise _unknown("key", key_name, "key_id")
        return _of_key(key)
    if project_name is not None:
        return Scope(Level.PROJECT, project_name, project_name)
    return Scope(Level.ORGANIZATION, caller.organization_id, None)


def project_scope(tx: Transaction, caller: Caller, project_id: str | None) -> Scope:
    """A project that a path names, or (None) the organization. Raises `not_found`."""
    if project_id is None:
        return Scope(Level.ORGANIZATION, caller.organization_id, None)
    return Scope(Level.PROJECT, require_project(tx, caller, project_id).id, project_id)


def scope_of(tx: Transaction, caller: Caller, budget: Budget) -> Scope:
    """The scope of a budget that exists."""
    if budget.level is not Level.KEY:
        return Scope(budget.level, budget.scope_id, budget.scope_id if budget.level is Level.PROJECT else None)
    key = tx.keys.get(caller.organization_id, budget.scope_id)
    return Scope(Level.KEY, budget.scope_id, None if key is None else key.project_id)


def require_open(tx: Transaction, caller: Caller, scope: Scope, now: int) -> None:
    """Raises `conflict` where the project is archived or the key's life is over: nothing is spent there any more."""
    if scope.project_id is not None:
        require_open_project(tx, caller, scope.project_id)
    if scope.level is Level.KEY:
        key = tx.keys.get(caller.organization_id, scope.id)
        if key is not None:
            life.require_changeable(key, now)


def change_of(level: Level, scope_id: str) -> tuple[ChangeKind, str]:
    """What gateways must look at again when a budget at this level changes."""
    return (ChangeKind.KEY, scope_id) if level is Level.KEY else (ChangeKind.BUDGETS, "")


def _of_key(key: Key) -> Scope:
    if key.project_id is None:
        raise invalid("key_id", f"'{key.id}' is an admin key: it calls no model, so it spends nothing.")
    return Scope(Level.KEY, key.id, key.project_id)


def _id(value: object, param: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise invalid(param, f"'{param}' must be an id, or null.")
    return value


def _unknown(what: str, identifier: str, param: str) -> KeyhouseError:
    return KeyhouseError(ErrorCode.NOT_FOUND, f"No {what} with id '{shown(identifier)}' was found.", param=param)
