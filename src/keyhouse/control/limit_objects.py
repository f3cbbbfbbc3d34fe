"""Rate limits and requests for increases as JSON-able values, the same for every face. Fields that are ours stand last."""

from __future__ import annotations

from keyhouse.control.limits import LimitView
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
