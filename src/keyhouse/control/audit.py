"""Who did what, newest first."""

from __future__ import annotations

from keyhouse.control.context import Caller, Control
from keyhouse.domain.audit import AuditEvent
from keyhouse.store.contract import Listed, Page


def list_page(control: Control, caller: Caller, *, after: str | None = None, limit: int = 20) -> Listed[AuditEvent]:
    """Audit events of the organization."""
    with control.store.read() as tx:
        return tx.audit.list(caller.organization_id, Page(after, limit))
