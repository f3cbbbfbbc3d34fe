"""Budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select

from keyhouse.domain.audit import EventType
from keyhouse.domain.budgets import Budget
from keyhouse.domain.levels import Level
from keyhouse.store.contract import Listed, Page, ScopeFilter
from keyhouse.store.money_tables import budgets
from keyhouse.store.paging import born_by, page_of
from keyhouse.store.rows import save, slices, values_of

_SHARED = (Level.ORGANIZATION, Level.PROJECT)


class SqlBudgets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, budget: Budget) -> None:
        self._connection.execute(insert(budgets).values(values_of(budget)))

    def save(self, budget: Budget) -> None:
        save(self._connection, budgets, values_of(budget), "budget")

    def remove(self, budget_id: str) -> None:
        self._connection.execute(delete(budgets).where(budgets.c.id == budget_id))

    def get(self, organization_id: str, budget_id: str) -> Budget | None:
        return self._one(budgets.c.id == budget_id, budgets.c.organization_id == organization_id)

    def by_name(self, organization_id: str, scope_id: str, name: str) -> Budget | None:
        in_scope = budgets.c.organization_id == organization_id, budgets.c.scope_id == scope_id
        return self._one(*in_scope, budgets.c.name == name)

    def named(self, organization_id: str, scope_ids: Sequence[str], name: str) -> Mapping[str, Budget]:
        found = {}
        for some in slices(scope_ids):
            in_scopes = budgets.c.organization_id == organization_id, budgets.c.scope_id.in_(some)
            for row in self._connection.execute(select(budgets).where(*in_scopes, budgets.c.name == name)):
                found[row.scope_id] = Budget(**row._mapping)
        return found

    def list(self, organization_id: str, where: ScopeFilter, page: Page) -> Listed[Budget]:
        scope = [budgets.c.organization_id == organization_id, *filters_of(budgets, where)]
        born = born_by(organization_id, EventType.BUDGET_CREATED)
        rows, has_more = page_of(self._connection, budgets, scope, [], page, born=born)
        return Listed(tuple(Budget(**row._mapping) for row in rows), has_more)

    def shared(self) -> Sequence[Budget]:
        # One search of the index for each level: of a million keys' budgets none is looked at.
        found: list[Budget] = []
        for level in _SHARED:
            query = select(budgets).where(budgets.c.level == level)
            rows = self._connection.execute(query.order_by(*_LEVEL_ORDER))
            found += [Budget(**row._mapping) for row in rows]
        return found

    def of_key(self, key_id: str) -> tuple[Budget, ...]:
        query = select(budgets).where(budgets.c.scope_id == key_id, budgets.c.level == Level.KEY)
        rows = self._connection.execute(query.order_by(budgets.c.created_at, budgets.c.id))
        return tuple(Budget(**row._mapping) for row in rows)

    def _one(self, *where: ColumnElement[bool]) -> Budget | None:
        row = self._connection.execute(select(budgets).where(*where)).one_or_none()
        return None if row is None else Budget(**row._mapping)


_LEVEL_ORDER = (budgets.c.level, budgets.c.organization_id, budgets.c.created_at, budgets.c.id)


def filters_of(table: Table, where: ScopeFilter) -> list[ColumnElement[bool]]:
    """The filter's conditions on a table with a level and a scope."""
    filters: list[ColumnElement[bool]] = []
    if where.level is not None:
        filters.append(table.c.level == where.level)
    if where.scope_id is not None:
        filters.append(table.c.scope_id == where.scope_id)
    return filters
