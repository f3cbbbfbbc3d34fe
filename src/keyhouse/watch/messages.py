"""The words of notices, and the JSON of webhooks. Machines get exact decimals of US dollars, as texts; people see cents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from keyhouse.domain import ids
from keyhouse.domain.budgets import FOREVER, AtEnd, Budget, Interval, Period
from keyhouse.domain.levels import Level
from keyhouse.domain.money import NANOS_PER_DOLLAR, format_dollars
from keyhouse.domain.notices import Notice, NoticeKind
from keyhouse.domain.spend_alerts import SpendAlert
from keyhouse.store.contract import Transaction

_AT_END = {
    AtEnd.REFUSE: "Calls that do not fit into what is left of it are refused.",
    AtEnd.THROTTLE: "Only a few calls a minute are let through from now on.",
    AtEnd.ALERT: "Nothing else happens: calls go on.",
}


class Spending(NamedTuple):
    """Where spending stands: `scope` is the name of the organization, project or key; money is nano-dollars."""

    scope: str
    period: Period
    spent_nanos: int


def of_alert(alert: SpendAlert, spending: Spending, now: int) -> list[Notice]:
    """One for each recipient, and one for the webhook if there is one."""
    threshold = format_dollars(alert.threshold_nanos, 2)
    head = f"Spending of {spending.scope} has reached {threshold}"
    subject = head if alert.subject_prefix is None else f"{alert.subject_prefix} {head}"
    text = _lines(
        f"{head} {_when(alert.interval, spending.period)}.",
        f"Spent so far: {format_dollars(spending.spent_nanos, 2)}.",
        f"This is spend alert {alert.id}. It is sent once in a period.",
    )
    made = [_mail(alert, to, subject, text, now) for to in alert.recipients]
    if alert.webhook_url is not None:
        data = {**_data(alert, alert.interval, spending), "threshold": _dollars(alert.threshold_nanos)}
        made.append(_webhook(alert, alert.webhook_url, "spend_alert.reached", data, now))
    return made


def of_budget(budget: Budget, spending: Spending, recipients: list[str], now: int) -> list[Notice]:
    """One for each recipient: the budget is spent."""
    subject = f"Budget '{budget.name}' of {spending.scope} is spent"
    text = _lines(
        f"{subject} {_when(budget.interval, spending.period)}.",
        f"Spent: {format_dollars(spending.spent_nanos, 2)} of {format_dollars(budget.amount_at(now), 2)}.",
        _AT_END[budget.at_end],
        f"This is about {budget.id}. It is sent once in a period.",
    )
    return [_mail(budget, to, subject, text, now) for to in recipients]


def scope_name(tx: Transaction, organization_id: str, level: Level, scope_id: str) -> str:
    """What people call it: `project 'Default'`."""
    named: object = None
    match level:
        case Level.ORGANIZATION:
            named = tx.organizations.get(scope_id)
        case Level.PROJECT:
            named = tx.projects.get(organization_id, scope_id)
        case Level.KEY:
            named = tx.keys.get(organization_id, scope_id)
    return f"{level.value} '{getattr(named, 'name', scope_id)}'"


def _mail(about: SpendAlert | Budget, to: str, subject: str, text: str, now: int) -> Notice:
    id_ = ids.new_id(ids.NOTICE)
    return Notice(id_, about.organization_id, NoticeKind.MAIL, to, about.id, text, now, now, subject=subject)


def _webhook(about: SpendAlert, url: str, type_: str, data: dict[str, object], now: int) -> Notice:
    id_ = ids.new_id(ids.NOTICE)
    body = msgspec.json.encode({"id": id_, "type": type_, "created_at": now, "data": data}).decode()
    return Notice(id_, about.organization_id, NoticeKind.WEBHOOK, url, about.id, body, now, now)


def _data(alert: SpendAlert, interval: Interval, spending: Spending) -> dict[str, object]:
    start, end = spending.period
    return {
        "id": alert.id,
        "organization_id": alert.organization_id,
        "level": alert.level.value,
        "scope_id": alert.scope_id,
        "scope": spending.scope,
        "interval": interval.value,
        "period": {"start": start, "end": None if end == FOREVER else end},
        "currency": "USD",
        "spent": _dollars(spending.spent_nanos),
    }


def _when(interval: Interval, period: Period) -> str:
    first = datetime.fromtimestamp(period.start, UTC)
    match interval:
        case Interval.DAY:
            return f"on {first:%Y-%m-%d} (UTC)"
        case Interval.WEEK:
            return f"in the week from {first:%Y-%m-%d} (UTC)"
        case Interval.MONTH:
            return f"in {first:%Y-%m} (UTC)"
        case Interval.TOTAL:
            return "in total"


def _lines(*lines: str) -> str:
    return "\n\n".join(lines) + "\n"


def _dollars(nanos: int) -> str:
    whole, part = divmod(nanos, NANOS_PER_DOLLAR)
    return f"{whole}.{part:09d}".rstrip("0").rstrip(".")
