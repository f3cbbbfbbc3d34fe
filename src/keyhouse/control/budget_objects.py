"""Budgets, spend limits and spend alerts as JSON-able values: OpenAI's shapes where it has them, what is ours last."""

from __future__ import annotations

from keyhouse.control import objects
from keyhouse.control.amounts import NANOS_PER_CENT
from keyhouse.control.objects import dollars
from keyhouse.control.spend_limits import SpendLimit
from keyhouse.control.standing import Standing
from keyhouse.domain.budgets import FOREVER, Budget
from keyhouse.domain.levels import Level
from keyhouse.domain.spend_alerts import SpendAlert


def budget(item: Budget, standing: Standing, now: int) -> dict[str, object]:
    """`organization.budget`, an object of ours. Amounts are US dollars as exact decimal texts."""
    in_force = item.amount_at(now)
    increase = None
    if item.increase_until is not None and now < item.increase_until:
        increase = {"amount": dollars(item.increase_nanos), "until": item.increase_until}
    start, end = standing.period
    return {
        "id": item.id,
        "object": "organization.budget",
        "level": item.level.value,
        "scope_id": item.scope_id,
        "name": item.name,
        "amount": dollars(item.amount_nanos),
        "currency": "usd",
        "interval": item.interval.value,
        "at_end": item.at_end.value,
        "throttle_requests_per_minute": item.throttle_per_minute,
        "increase": increase,
        "amount_in_force": dollars(in_force),
        "spent": dollars(standing.spent_nanos),
        "remaining": dollars(max(in_force - standing.spent_nanos, 0)),
        "period": {"start": start, "end": None if end == FOREVER else end},
        "created_at": item.created_at,
    }


def spend_limit(item: SpendLimit) -> dict[str, object]:
    """`organization.spend_limit` or `project.spend_limit`."""
    return {
        "object": f"{item.budget.level.value}.spend_limit",
        **objects.spend_limit(item.budget),
        "enforcement": {"status": "enforcing" if item.is_enforced else "inactive"},
    }


def spend_alert(item: SpendAlert) -> dict[str, object]:
    """`organization.spend_alert` or `project.spend_alert`."""
    channel: dict[str, object] = {"type": "email", "recipients": item.recipients}
    if item.subject_prefix is not None:
        channel["subject_prefix"] = item.subject_prefix
    return {
        "id": item.id,
        "object": spend_alert_type(item.level),
        "threshold_amount": item.threshold_nanos // NANOS_PER_CENT,
        "currency": "USD",
        "interval": item.interval.value,
        "notification_channel": channel,
        "webhook_url": item.webhook_url,
    }


def spend_alert_type(level: Level) -> str:
    return f"{level.value}.spend_alert"
