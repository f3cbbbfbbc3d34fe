"""Rate limits, spend limits, spend alerts and budgets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import Actor, BothWaysQuery, Dollars, EitherWayQuery, Group, ListOf, Name, Shape, Time
from keyhouse.api.shapes.keys import Limit
from keyhouse.domain.limits import NO_LIMIT

Cents = Annotated[int, Meta(ge=1, description="US cents")]
Pace = Annotated[int, Meta(ge=1, le=NO_LIMIT - 1)]
AtEnd = Literal["refuse", "throttle", "alert"]
Interval = Literal["day", "week", "month", "total"]


class Increase(Struct):
    until: Time
    returns_to: dict[str, int]


class _RateLimit(Struct):
    id: str
    model: str
    max_requests_per_1_minute: int
    max_tokens_per_1_minute: int
    max_images_per_1_minute: int
    max_audio_megabytes_per_1_minute: int
    max_requests_per_1_day: int
    batch_1_day_max_input_tokens: int
    increase: Increase | None


class ProjectRateLimit(_RateLimit, kw_only=True):
    object: Literal["project.rate_limit"]


class OrganizationRateLimit(_RateLimit, kw_only=True):
    object: Literal["organization.rate_limit"]


class RateLimitChange(Struct, forbid_unknown_fields=True):
    max_requests_per_1_minute: Limit | UnsetType = UNSET
    max_tokens_per_1_minute: Limit | UnsetType = UNSET
    max_images_per_1_minute: Limit | UnsetType = UNSET
    max_audio_megabytes_per_1_minute: Limit | UnsetType = UNSET
    max_requests_per_1_day: Limit | UnsetType = UNSET
    batch_1_day_max_input_tokens: Limit | UnsetType = UNSET


class ModelRateLimit(RateLimitChange, forbid_unknown_fields=True, kw_only=True):
    model: Name


class RateLimitsQuery(EitherWayQuery):
    limit: Annotated[int, Meta(ge=0, le=1000, description="100 unless told")] | UnsetType = UNSET


class Enforcement(Struct):
    status: Literal["enforcing", "inactive"]


class _SpendLimit(Struct):
    threshold_amount: int
    currency: Literal["USD"]
    interval: Literal["month"]
    enforcement: Enforcement


class OrganizationSpendLimit(_SpendLimit, kw_only=True):
    object: Literal["organization.spend_limit"]


class ProjectSpendLimit(_SpendLimit, kw_only=True):
    object: Literal["project.spend_limit"]


class SpendLimitWanted(Struct, forbid_unknown_fields=True):
    threshold_amount: Cents
    currency: Literal["USD"]
    interval: Literal["month"]


class OrganizationSpendLimitDeleted(Struct):
    object: Literal["organization.spend_limit.deleted"]
    deleted: bool


class ProjectSpendLimitDeleted(Struct):
    object: Literal["project.spend_limit.deleted"]
    deleted: bool


class Channel(Struct):
    type: Literal["email"]
    recipients: Annotated[list[str], Meta(min_length=1, max_length=50)]
    subject_prefix: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType | None = UNSET


class _SpendAlert(Struct):
    id: str
    threshold_amount: int
    currency: Literal["USD"]
    interval: Literal["month"]
    notification_channel: Channel
    webhook_url: str | None


class OrganizationSpendAlert(_SpendAlert, kw_only=True):
    object: Literal["organization.spend_alert"]


class ProjectSpendAlert(_SpendAlert, kw_only=True):
    object: Literal["project.spend_alert"]


class SpendAlertWanted(Struct, forbid_unknown_fields=True):
    threshold_amount: Cents
    currency: Literal["USD"]
    interval: Literal["month"]
    notification_channel: Channel
    webhook_url: str | UnsetType | None = UNSET


class OrganizationSpendAlertDeleted(Struct):
    id: str
    object: Literal["organization.spend_alert.deleted"]
    deleted: bool


class ProjectSpendAlertDeleted(Struct):
    id: str
    object: Literal["project.spend_alert.deleted"]
    deleted: bool


class BudgetIncrease(Struct, forbid_unknown_fields=True):
    amount: Dollars
    until: Time


class Period(Struct):
    start: Time
    end: Time | None


class Budget(Struct):
    id: str
    object: Literal["organization.budget"]
    level: Literal["organization", "project", "key"]
    scope_id: str
    name: str
    amount: Dollars
    currency: Literal["usd"]
    interval: Interval
    at_end: AtEnd
    throttle_requests_per_minute: Pace | None
    increase: BudgetIncrease | None
    amount_in_force: Dollars
    spent: Dollars
    remaining: Dollars
    period: Period
    created_at: Time


class BudgetChange(Struct, forbid_unknown_fields=True):
    name: Name | UnsetType = UNSET
    amount: Dollars | UnsetType = UNSET
    interval: Interval | UnsetType = UNSET
    at_end: AtEnd | UnsetType = UNSET
    throttle_requests_per_minute: Pace | UnsetType | None = UNSET
    increase: BudgetIncrease | UnsetType | None = UNSET


class BudgetWanted(BudgetChange, forbid_unknown_fields=True, kw_only=True):
    name: Name
    amount: Dollars
    interval: Interval
    project_id: str | UnsetType | None = UNSET
    key_id: str | UnsetType | None = UNSET


class BudgetsQuery(BothWaysQuery):
    key_id: str | UnsetType = UNSET
    level: Literal["organization", "project", "key"] | UnsetType = UNSET
    project_id: str | UnsetType = UNSET


class BudgetDeleted(Struct):
    id: str
    object: Literal["organization.budget.deleted"]
    deleted: bool


class IncreaseRequest(Struct):
    object: Literal["organization.increase_request"]
    id: str
    kind: str
    level: Literal["organization", "project", "key"]
    scope_id: str
    model: str | None
    rate_limits: dict[str, int] | None
    budget_id: str | None
    amount: Dollars | None
    until: Time | None
    reason: str
    status: Literal["open", "granted", "denied"]
    created_at: Time
    requested_by: Actor
    decided_at: Time | None
    decided_by: Actor | None


class IncreaseWanted(Struct, forbid_unknown_fields=True):
    """`model` with `rate_limits`, or `budget_id` with `amount`."""

    reason: Name
    project_id: str | UnsetType | None = UNSET
    model: Name | UnsetType = UNSET
    rate_limits: dict[str, Pace] | UnsetType = UNSET
    budget_id: str | UnsetType = UNSET
    amount: Dollars | UnsetType = UNSET
    until: Time | UnsetType | None = UNSET


class IncreaseGrant(Struct, forbid_unknown_fields=True):
    until: Time | UnsetType | None = UNSET


class IncreasesQuery(BothWaysQuery):
    status: Literal["open", "granted", "denied"] | UnsetType = UNSET


def _rates(place: str, answer: type[Struct], list_: Any) -> dict[str, Shape]:
    path = f"/v1/organization{place}/rate_limits"
    return {
        f"GET {path}": Shape("List rate limits", list_, query=RateLimitsQuery),
        f"POST {path}": Shape("Limit a model", answer, body=ModelRateLimit),
        f"POST {path}/{{rate_limit_id}}": Shape("Change a rate limit", answer, body=RateLimitChange),
    }


def _spend(place: str, answer: type[Struct], deleted: type[Struct]) -> dict[str, Shape]:
    path = f"/v1/organization{place}/spend_limit"
    return {
        f"GET {path}": Shape("Show the spend limit of a month", answer),
        f"POST {path}": Shape("Set the spend limit", answer, body=SpendLimitWanted),
        f"DELETE {path}": Shape("Remove the spend limit", deleted),
    }


def _alerts(place: str, answer: type[Struct], list_: Any, deleted: type[Struct]) -> dict[str, Shape]:
    path = f"/v1/organization{place}/spend_alerts"
    return {
        f"GET {path}": Shape("List spend alerts", list_, query=BothWaysQuery),
        f"POST {path}": Shape("Create a spend alert", answer, body=SpendAlertWanted),
        f"GET {path}/{{alert_id}}": Shape("Show a spend alert", answer),
        f"POST {path}/{{alert_id}}": Shape("Change a spend alert", answer, body=SpendAlertWanted),
        f"DELETE {path}/{{alert_id}}": Shape("Delete a spend alert", deleted),
    }


_PROJECT = "/projects/{project_id}"
_BUDGETS = "/v1/organization/budgets"
_INCREASES = "/v1/organization/increase_requests"

RATE_LIMITS = Group(
    "Rate limits",
    {
        **_rates(_PROJECT, ProjectRateLimit, ListOf[ProjectRateLimit]),
        **_rates("", OrganizationRateLimit, ListOf[OrganizationRateLimit]),
    },
)
SPEND_LIMITS = Group(
    "Spend limits",
    {
        **_spend("", OrganizationSpendLimit, OrganizationSpendLimitDeleted),
        **_spend(_PROJECT, ProjectSpendLimit, ProjectSpendLimitDeleted),
    },
)
SPEND_ALERTS = Group(
    "Spend alerts",
    {
        **_alerts("", OrganizationSpendAlert, ListOf[OrganizationSpendAlert], OrganizationSpendAlertDeleted),
        **_alerts(_PROJECT, ProjectSpendAlert, ListOf[ProjectSpendAlert], ProjectSpendAlertDeleted),
    },
)
BUDGETS = Group(
    "Budgets",
    {
        f"GET {_BUDGETS}": Shape("List budgets", ListOf[Budget], query=BudgetsQuery),
        f"POST {_BUDGETS}": Shape("Create a budget", Budget, body=BudgetWanted),
        f"GET {_BUDGETS}/{{budget_id}}": Shape("Show a budget", Budget),
        f"POST {_BUDGETS}/{{budget_id}}": Shape("Change a budget", Budget, body=BudgetChange),
        f"DELETE {_BUDGETS}/{{budget_id}}": Shape("Delete a budget", BudgetDeleted),
    },
)
INCREASES = Group(
    "Increase requests",
    {
        f"GET {_INCREASES}": Shape("List requests", ListOf[IncreaseRequest], query=IncreasesQuery),
        f"POST {_INCREASES}": Shape("Ask for an increase", IncreaseRequest, body=IncreaseWanted),
        f"GET {_INCREASES}/{{request_id}}": Shape("Show a request", IncreaseRequest),
        f"POST {_INCREASES}/{{request_id}}/grant": Shape("Grant a request", IncreaseRequest, body=IncreaseGrant),
        f"POST {_INCREASES}/{{request_id}}/deny": Shape("Deny a request", IncreaseRequest),
    },
)
