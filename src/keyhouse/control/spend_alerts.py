"""Spend alerts of the organization and its projects: who is told when spending reaches a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keyhouse.control import amounts
from keyhouse.control.alert_fields import channel, webhook
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.control.scopes import Scope, project_scope, require_open
from keyhouse.domain import ids
from keyhouse.domain.audit import AuditEvent, EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.budgets import Interval
from keyhouse.domain.errors import ErrorCode, KeyhouseError, not_found
from keyhouse.domain.spend_alerts import SpendAlert
from keyhouse.store.contract import Listed, Page, ScopeFilter, Transaction

MAX_ALERTS = 100
"""Alerts of one scope."""


@needs(Permission.BUDGETS_WRITE)
def create(control: Control, caller: Caller, project_id: str | None, given: Mapping[str, object]) -> SpendAlert:
    """An alert of a project, or (None) of the organization: `{threshold_amount, currency, interval, notification_channel}` as
    OpenAI's, and `webhook_url`."""
    now = control.clock()
    wanted = _checked(given)
    with control.store.write() as tx:
        scope = project_scope(tx, caller, project_id)
        require_open(tx, caller, scope, now)
        _refuse_crowd(tx, caller, scope)
        alert = SpendAlert(
            id=ids.new_id(ids.SPEND_ALERT),
            organization_id=caller.organization_id,
            level=scope.level,
            scope_id=scope.id,
            interval=Interval.MONTH,
            created_at=now,
            **wanted,
        )
        tx.spend_alerts.add(alert)
        tx.audit.append(_event(caller, now, EventType.SPEND_ALERT_CREATED, alert, scope))
    return alert


@needs(Permission.BUDGETS_READ)
def list_page(
    control: Control,
    caller: Caller,
    project_id: str | None,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 20,
    newest_first: bool = False,
) -> Listed[SpendAlert]:
    """Alerts of a scope, oldest first unless said otherwise: those after one, or the last ones before one."""
    with control.store.read() as tx:
        scope = project_scope(tx, caller, project_id)
        where = ScopeFilter(scope.level, scope.id)
        return tx.spend_alerts.list(caller.organization_id, where, Page(after, limit, newest_first, before))


@needs(Permission.BUDGETS_READ)
def show(control: Control, caller: Caller, project_id: str | None, alert_id: str) -> SpendAlert:
    """One alert. Raises `not_found`."""
    with control.store.read() as tx:
        return _require(tx, caller, project_scope(tx, caller, project_id), alert_id)


@needs(Permission.BUDGETS_WRITE)
def update(
    control: Control, caller: Caller, project_id: str | None, alert_id: str, given: Mapping[str, object]
) -> SpendAlert:
    """Replaces what the alert says; a `webhook_url` that is not given stays, because OpenAI's clients know of none. With another
    threshold it may fire again in the period that runs."""
    now = control.clock()
    wanted = _checked(given)
    if given.get("webhook_url", UNSET) is UNSET:
        del wanted["webhook_url"]
    with control.store.write() as tx:
        scope = project_scope(tx, caller, project_id)
        require_open(tx, caller, scope, now)
        alert = replace(_require(tx, caller, scope, alert_id), **wanted)
        tx.spend_alerts.save(alert)
        tx.audit.append(_event(caller, now, EventType.SPEND_ALERT_UPDATED, alert, scope))
    return alert


@needs(Permission.BUDGETS_WRITE)
def remove(control: Control, caller: Caller, project_id: str | None, alert_id: str) -> SpendAlert:
    """Removes an alert, and the record of what it has fired."""
    now = control.clock()
    with control.store.write() as tx:
        scope = project_scope(tx, caller, project_id)
        alert = _require(tx, caller, scope, alert_id)
        tx.spend_alerts.remove(alert.id)
        tx.audit.append(_event(caller, now, EventType.SPEND_ALERT_DELETED, alert, scope))
    return alert


def _checked(given: Mapping[str, object]) -> dict[str, Any]:
    nanos = amounts.monthly_cents(given, least=0)
    recipients, subject_prefix = channel(given.get("notification_channel", UNSET))
    url = webhook(given.get("webhook_url", UNSET))
    return {
        "threshold_nanos": nanos,
        "recipients": recipients,
        "subject_prefix": subject_prefix,
        "webhook_url": url,
    }


def _event(caller: Caller, now: int, type_: EventType, alert: SpendAlert, scope: Scope) -> AuditEvent:
    details: dict[str, object] = {
        "level": alert.level.value,
        "threshold_nanos": alert.threshold_nanos,
        "recipients": list(alert.recipients),
        "has_webhook": alert.webhook_url is not None,
    }
    return event(caller, now, type_, alert.id, project_id=scope.project_id, details=details)


def _refuse_crowd(tx: Transaction, caller: Caller, scope: Scope) -> None:
    where = ScopeFilter(scope.level, scope.id)
    if len(tx.spend_alerts.list(caller.organization_id, where, Page(limit=MAX_ALERTS)).items) >= MAX_ALERTS:
        message = f"There are {MAX_ALERTS} spend alerts here already, as many as there may be; remove one first."
        raise KeyhouseError(ErrorCode.CONFLICT, message)


def _require(tx: Transaction, caller: Caller, scope: Scope, alert_id: str) -> SpendAlert:
    alert = tx.spend_alerts.get(caller.organization_id, alert_id)
    if alert is None or (alert.level, alert.scope_id) != (scope.level, scope.id):
        raise not_found("spend alert", alert_id)
    return alert
