"""The audit log: appended to, listed by every filter, sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, or_, select, union_all

from keyhouse.domain import ids
from keyhouse.domain.audit import Actor, AuditEvent
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.store import audit_chain, audit_verify
from keyhouse.store.contract import EVERY_EVENT, Anchor, AuditFilter, AuditKeys, Listed, Page, Seal
from keyhouse.store.paging import Ordered, bounds, cut, directed
from keyhouse.store.rows import values_of
from keyhouse.store.tables import audit, people, projects

_ORDER = (audit.c.at, audit.c.seq)
_ACTORS = {
    ids.KEY: audit.c.actor_key_id,
    ids.SERVICE_ACCOUNT: audit.c.actor_service_account_id,
    ids.USER: audit.c.actor_user_id,
}
_OPERATOR = "operator"


class SqlAuditLog:
    """`keys` None: the store seals nothing."""

    def __init__(self, connection: Connection, keys: AuditKeys | None = None) -> None:
        self._connection = connection
        self._keys = keys
        self._appended: list[int] = []

    def append(self, event: AuditEvent) -> None:
        values = values_of(event)
        del values["project_name"]
        actor = {f"actor_{name}": value for name, value in values_of(values.pop("actor")).items()}
        if event.actor.email is None and event.actor.user_id is not None:
            # As it is now: who leaves, or is called otherwise later, is found by what was true then.
            actor["actor_email"] = select(people.c.email).where(people.c.id == event.actor.user_id).scalar_subquery()
        written = insert(audit).values(**values, **actor).returning(audit.c.seq)
        self._appended.append(int(self._connection.scalars(written).one()))

    def list(
        self,
        organization_id: str,
        page: Page,
        where: AuditFilter = EVERY_EVENT,
        *,
        oldest_first: bool = False,
    ) -> Listed[AuditEvent]:
        scope = audit.c.organization_id == organization_id
        listed = Ordered(select(audit), _ORDER, audit.c.id, [scope])
        place, ascending = bounds(self._connection, listed, page, newest_first=not oldest_first)
        searches = _searches(where)
        if not searches:
            return Listed((), has_more=False)
        found = _found(searches, [scope, *_range(where), *place], page.limit + 1, ascending=ascending)
        rows, has_more = cut(self._connection.execute(found).all(), page)
        return Listed(tuple(map(_event, rows)), has_more)

    def head(self) -> Seal | None:
        return audit_chain.head(self._connection)

    def problems(self, anchors: Iterable[Anchor] = ()) -> Iterator[str]:
        if self._keys is None:
            raise KeyhouseError(ErrorCode.CONFLICT, "The audit log was opened without the keys of its seals.")
        return audit_verify.problems(self._connection, self._keys, anchors)

    def seal(self) -> Seal | None:
        """Seals what this transaction appended, at its end; None where that is nothing."""
        if self._keys is None or not self._appended:
            return None
        return audit_chain.seal(self._connection, self._keys, min(self._appended), max(self._appended))


def _range(where: AuditFilter) -> list[ColumnElement[bool]]:
    found = []
    if where.since is not None:
        found.append(audit.c.at >= where.since)
    if where.until is not None:
        found.append(audit.c.at < where.until)
    return found


def _searches(where: AuditFilter) -> list[list[ColumnElement[bool]]]:
    """One search of an index for each value of the filter that tells most, each in the list's order and cut at the limit: merged,
    they hold the page. The other filters are looked at row by row."""
    given: Sequence[tuple[Callable[[Any], ColumnElement[bool]], Sequence[Any] | None]] = (
        (lambda value: audit.c.object_id == value, where.object_ids),
        (_is_actor, where.actor_ids),
        (lambda value: audit.c.actor_email == value, where.actor_emails),
        (lambda value: audit.c.type == value, where.types),
        (lambda value: audit.c.project_id == value, where.project_ids),
    )
    asked = [[is_it(value) for value in dict.fromkeys(values)] for is_it, values in given if values is not None]
    if not asked:
        return [[]]
    if not all(asked):
        return []
    first, *others = asked
    return [[one, *(or_(*anyof) for anyof in others)] for one in first]


def _is_actor(identifier: str) -> ColumnElement[bool]:
    if identifier == _OPERATOR:
        return audit.c.actor_kind == _OPERATOR
    column = next((column for prefix, column in _ACTORS.items() if identifier.startswith(prefix)), audit.c.actor_key_id)
    return column == identifier


def _found(
    searches: Sequence[Sequence[ColumnElement[bool]]],
    filters: Sequence[ColumnElement[bool]],
    limit: int,
    *,
    ascending: bool,
) -> Select[Any]:
    """The events that any of the searches finds, in order."""
    order = directed(_ORDER, ascending)
    events = select(audit, projects.c.name.label("project_name")).outerjoin_from(
        audit, projects, projects.c.id == audit.c.project_id
    )
    if len(searches) == 1:
        return events.where(*filters, *searches[0]).order_by(*order).limit(limit)
    each = [select(audit.c.seq).where(*filters, *search).order_by(*order).limit(limit) for search in searches]
    found = union_all(*(select(search.subquery().c.seq) for search in each)).subquery()
    return events.where(audit.c.seq.in_(select(found.c.seq))).order_by(*order).limit(limit)


def _event(row: Row[Any]) -> AuditEvent:
    return AuditEvent(
        row.id,
        row.at,
        row.organization_id,
        row.type,
        Actor(
            row.actor_kind,
            row.actor_user_id,
            row.actor_key_id,
            row.actor_address,
            row.actor_email,
            row.actor_service_account_id,
        ),
        row.object_id,
        row.project_id,
        row.details,
        row.project_name,
    )
