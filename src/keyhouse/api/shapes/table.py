"""Every group of shapes, in the order in which a reader meets them."""

from __future__ import annotations

from keyhouse.api.shapes import (
    audit_logs,
    billing,
    certificates,
    data_plane,
    invites,
    keys,
    limits,
    notices,
    people,
    prices,
    projects,
    roles,
    service,
    service_accounts,
    upstreams,
    usage,
)

GROUPS = (
    projects.GROUP,
    people.USERS,
    invites.GROUP,
    people.GROUPS,
    people.PROJECT_PEOPLE,
    keys.PROJECT_KEYS,
    service_accounts.GROUP,
    keys.ADMIN_KEYS,
    roles.ROLES,
    roles.ASSIGNMENTS,
    limits.RATE_LIMITS,
    limits.SPEND_LIMITS,
    limits.SPEND_ALERTS,
    limits.BUDGETS,
    limits.INCREASES,
    usage.GROUP,
    billing.GROUP,
    upstreams.GROUP,
    prices.GROUP,
    notices.GROUP,
    audit_logs.GROUP,
    certificates.GROUP,
    data_plane.GROUP,
    service.GROUP,
)
