"""Rate limits and requests for increases as JSON-able values, the same for every face. Fields that are ours stand last."""

from __future__ import annotations

from keyhouse.control.limits import LimitView
from keyhouse.control.objects import dollars
from keyhouse.domain.audit import Actor
from keyhouse.domain.increases import IncreaseKind, IncreaseRequest
from keyhouse.domain.limits import NO_LIMIT, LimitKind


def rate_limit(item: LimitView) -> dict[str, object]:
    """`project.rate_limit`, or `organization.rate_limit` for all projects together: the numbers that are in force now."""
    rule = item.rule
    in_force = item.in_force.given
    level = "organization" if rule.project_id is None else "project"
    return {
        "object": f"{level}.rate_limit",
        "id": rule.id,
        "model": rule.model,
        **{kind.field: in_force.get(kind.field, NO_LIMIT) for kind in LimitKind},
        "increase": _increase(item),
    }


def _increase(item: LimitView) -> dict[str, object] | None:
    """When a temporary increase ends, and what is in force again then."""
    if not item.increased:
        return None
    before = item.rule.limits.given
    returns = {field: before[field] for field, limit in item.in_force.given.items() if limit != before[field]}
    return {"until": item.rule.increase_until, "returns_to": returns}


def increase_request(item: IncreaseRequest) -> dict[str, object]:
    """`organization.increase_request`, an object of ours. `amount` is US dollars as an exact decimal text."""
    of_budget = item.kind is IncreaseKind.BUDGET
    return {
        "object": "organization.increase_request",
        "id": item.id,
        "kind": item.kind.value,
        "level": item.level.value,
        "scope_id": item.scope_id,
        "model": item.model,
        "rate_limits": None if of_budget else item.limits.given,
        "budget_id": item.budget_id,
        "amount": None if item.amount_nanos is None else dollars(item.amount_nanos),
        "until": item.until,
        "reason": item.reason,
        "status": item.status.value,
        "created_at": item.created_at,
        "requested_by": _actor(item.requested_by),
        "decided_at": item.decided_at,
        "decided_by": None if item.decided_by is None else _actor(item.decided_by),
    }


def _actor(actor: Actor) -> dict[str, object]:
    return {"type": actor.kind, "user_id": actor.user_id, "key_id": actor.key_id}
