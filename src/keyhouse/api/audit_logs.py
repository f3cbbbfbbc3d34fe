"""`/v1/organization/audit_logs`."""

from __future__ import annotations

from keyhouse.api.operation import Call, Operation
from keyhouse.control import audit
from keyhouse.control.audit import Wanted
from keyhouse.control.audit_objects import audit_event
from keyhouse.domain.errors import invalid
from keyhouse.wire.paging import PAGE, list_envelope, page_parameters
from keyhouse.wire.query import Query

_BOUNDS = ("gt", "gte", "lt", "lte")
_LATEST = 10**12
_LISTS = ("actor_emails", "actor_ids", "event_types", "project_ids", "resource_ids")


_QUERY = (
    *_LISTS,
    *PAGE,
    "before",
    "effective_at",
    *(f"effective_at[{bound}]" for bound in _BOUNDS),
    "tenant_only",
)


def list_(call: Call) -> object:
    query = call.query
    since, until = _range(query)
    lists = {name: query.many(name) for name in _LISTS}
    wanted = Wanted(since, until, **lists, tenant_only=query.boolean("tenant_only") or False)
    cut = page_parameters(query)
    page = audit.list_page(call.control, call.caller, wanted, **cut, before=query.one("before"))
    return list_envelope([audit_event(item) for item in page.items], has_more=page.has_more)


def _range(query: Query) -> tuple[int | None, int | None]:
    """From when (included) until when (not included), in Unix seconds."""
    if query.many("effective_at") is not None:
        raise invalid("effective_at", "'effective_at' takes bounds: effective_at[gt], [gte], [lt] or [lte].")
    given = {bound: query.integer(f"effective_at[{bound}]", low=0, high=_LATEST) for bound in _BOUNDS}
    gt, gte, lt, lte = (given[bound] for bound in _BOUNDS)
    begins = [begin for begin in (None if gt is None else gt + 1, gte) if begin is not None]
    ends = [end for end in (lt, None if lte is None else lte + 1) if end is not None]
    return max(begins, default=None), min(ends, default=None)


OPERATIONS = (Operation("GET", "/v1/organization/audit_logs", list_, audit.list_page, query=_QUERY),)
