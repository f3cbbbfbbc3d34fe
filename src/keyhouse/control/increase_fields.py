"""The fields of a request for an increase that a caller may give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keyhouse.control import amounts, fields
from keyhouse.control.fields import UNSET
from keyhouse.control.limit_fields import LimitFields, changed, checked
from keyhouse.domain.errors import invalid
from keyhouse.domain.limits import NO_LIMIT, NOTHING_SET, LimitKind, RateLimits

_FIELDS = {kind.field for kind in LimitKind}


@dataclass(frozen=True, slots=True)
class IncreaseFields:
    """What a face was given, unchecked; UNSET where it was not given.

    For rate limits `model` and `rate_limits` ({field: number wanted}), in the project or (None) the organization; for a budget
    `budget_id` and `amount` (US dollars to be added, a decimal text). `until` is in Unix seconds.
    """

    reason: object = UNSET
    project_id: object = None
    model: object = UNSET
    rate_limits: object = UNSET
    budget_id: object = UNSET
    amount: object = UNSET
    until: object = UNSET


def is_of_budget(given: IncreaseFields) -> bool:
    """Whether a budget is meant; raises where it is not clear which of the two is."""
    if given.budget_id is UNSET:
        if given.model is UNSET:
            raise invalid(
                "model", "Name what is to be increased: 'model' with 'rate_limits', or 'budget_id' with 'amount'."
            )
        _refuse(given.amount, "amount", "goes with 'budget_id'")
        return False
    _refuse(given.model, "model", "does not go with 'budget_id'")
    _refuse(given.rate_limits, "rate_limits", "does not go with 'budget_id'")
    _refuse(UNSET if given.project_id is None else given.project_id, "project_id", "does not go with 'budget_id'")
    return True


def reason(value: object) -> str:
    """Why more is needed: 1 to 256 characters."""
    return fields.name(value, "reason")


def rate_limits(value: object) -> RateLimits:
    """The limits that are wanted, at least one, each more than 0 and less than no limit."""
    if not isinstance(value, Mapping) or not value:
        raise invalid("rate_limits", "'rate_limits' must be an object of the limits that are wanted.")
    for field in value:
        if field not in _FIELDS:
            raise invalid(f"rate_limits.{field}", f"'{field}' is not a limit; limits are {', '.join(sorted(_FIELDS))}.")
    numbers = checked(LimitFields(**value))
    for field, number in numbers.items():
        if not 0 < number < NO_LIMIT:
            raise invalid(f"rate_limits.{field}", f"'rate_limits.{field}' must be between 1 and {NO_LIMIT - 1:,}.")
    return changed(NOTHING_SET, numbers)


def amount(value: object) -> int:
    """Nano-dollars to be added to a budget, more than 0."""
    return amounts.dollars(value, "amount", least=1)


def until(value: object, now: int, *, required: bool) -> int | None:
    """When an increase ends, in Unix seconds; null or absent, where it is not required, for one that stays."""
    if (value is UNSET or value is None) and not required:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not now < value <= now + fields.MAX_LIFETIME:
        needed = "'until' is required for a budget: " if value is UNSET or value is None else "'until' must be "
        raise invalid("until", needed + "Unix seconds in the future, at most ten years away.")
    return value


def _refuse(value: object, param: str, why: str) -> None:
    if value is not UNSET:
        raise invalid(param, f"'{param}' {why}.")
