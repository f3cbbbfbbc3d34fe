"""Who did what, newest first: what is asked for, the pages of it, and whether the log is whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from keyhouse.control import anchors
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.domain.audit import AuditEvent, EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import invalid, shown
from keyhouse.store.contract import AuditFilter, Listed, Page, Seal

MOST_VALUES = 100
"""Of one filter."""
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a face was given of filters, unchecked; None where it was not given. Times are Unix seconds."""

    since: int | None = None
    until: int | None = None
    event_types: Sequence[str] | None = None
    project_ids: Sequence[str] | None = None
    resource_ids: Sequence[str] | None = None
    actor_ids: Sequence[str] | None = None
    actor_emails: Sequence[str] | None = None
    tenant_only: bool = False


EVERYTHING = Wanted()


def checked(wanted: Wanted) -> AuditFilter:
    """Raises `invalid_value` for an event type that is none, and one that is no tenant's where only those are wanted."""
    return AuditFilter(
        wanted.since,
        wanted.until,
        _types(wanted),
        _some(wanted.project_ids, "project_ids"),
        _some(wanted.resource_ids, "resource_ids"),
        _some(wanted.actor_ids, "actor_ids"),
        _some(wanted.actor_emails, "actor_emails"),
    )


@needs(Permission.AUDIT_READ)
def list_page(
    control: Control,
    caller: Caller,
    wanted: Wanted = EVERYTHING,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 20,
) -> Listed[AuditEvent]:
    """Audit events of the organization, newest first: those behind `after`, or those that stand just before `before`. Raises as
    `checked` does."""
    where = checked(wanted)
    with control.store.read() as tx:
        return tx.audit.list(caller.organization_id, Page(after, limit, before=before), where)


@needs(Permission.AUDIT_READ)
def export(control: Control, caller: Caller, wanted: Wanted = EVERYTHING) -> Iterator[AuditEvent]:
    """Audit events of the organization, oldest first, however many: a page is held in memory, and no transaction stays open."""
    where, after = checked(wanted), None
    while True:
        with control.store.read() as tx:
            page = tx.audit.list(caller.organization_id, Page(after, _PAGE), where, oldest_first=True)
        yield from page.items
        if not page.has_more:
            return
        after = page.items[-1].id


def head(control: Control) -> Seal:
    """The last seal of the house's log, all organizations together. Raises `invalid_value` before the first."""
    with control.store.read() as tx:
        found = tx.audit.head()
    if found is None:
        raise invalid("anchor", "The audit log has no seal yet: nothing has happened.")
    return found


def last_seal(control: Control) -> int:
    """The number of the last seal, 0 before the first."""
    with control.store.read() as tx:
        found = tx.audit.head()
    return 0 if found is None else found.number


def verify(control: Control, lines: Iterable[str] = ()) -> Iterator[str]:
    """What is wrong with the house's log, sentence by sentence, held to the anchors in these lines."""
    kept = list(anchors.read(lines))
    with control.store.read() as tx:
        yield from tx.audit.problems(kept)


def _types(wanted: Wanted) -> tuple[EventType, ...] | None:
    texts = _some(wanted.event_types, "event_types")
    if texts is None:
        return tuple(t for t in EventType if t.is_tenant_scoped) if wanted.tenant_only else None
    types = tuple(_type(text) for text in texts)
    if wanted.tenant_only and not all(t.is_tenant_scoped for t in types):
        raise invalid("event_types", "With 'tenant_only' every type in 'event_types' must begin with 'tenant.'.")
    return types


def _type(text: str) -> EventType:
    try:
        return EventType(text)
    except ValueError:
        raise invalid("event_types", f"'{shown(text)}' is not a type of audit events.") from None


def _some(values: Sequence[str] | None, param: str) -> tuple[str, ...] | None:
    if values is None:
        return None
    distinct = tuple(dict.fromkeys(values))
    if len(distinct) > MOST_VALUES:
        raise invalid(param, f"'{param}' must not have more than {MOST_VALUES} values.")
    return distinct
