"""The fields of a budget that a caller may give, on creation and on change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from keyhouse.control import amounts, fields
from keyhouse.control.fields import UNSET
from keyhouse.domain.budgets import AtEnd, Budget, Interval
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid
from keyhouse.domain.limits import NO_LIMIT

SPEND_LIMIT = "spend_limit"
"""The name of the budget that OpenAI's `spend_limit` of a scope, and a key's, is: by month, refusing, in whole cents."""
_E = TypeVar("_E", bound=Enum)


@dataclass(frozen=True, slots=True)
class BudgetFields:
    """What a face was given for a budget, unchecked; UNSET where it was not given.

    `amount` is a decimal text of US dollars; `increase` null or `{amount, until}` (Unix seconds).
    """

    name: object = UNSET
    amount: object = UNSET
    interval: object = UNSET
    at_end: object = UNSET
    throttle_requests_per_minute: object = UNSET
    increase: object = UNSET


def checked(given: BudgetFields, now: int) -> dict[str, Any]:
    """The given fields as attributes of a `Budget`. Raises for the first bad one."""
    wanted: dict[str, Any] = {}
    if given.name is not UNSET:
        wanted["name"] = fields.name(given.name)
    if given.amount is not UNSET:
        wanted["amount_nanos"] = amounts.dollars(given.amount)
    if given.interval is not UNSET:
        wanted["interval"] = _one_of(Interval, given.interval, "interval")
    if given.at_end is not UNSET:
        wanted["at_end"] = _one_of(AtEnd, given.at_end, "at_end")
    if given.throttle_requests_per_minute is not UNSET:
        wanted["throttle_per_minute"] = _pace(given.throttle_requests_per_minute)
    if given.increase is not UNSET:
        wanted |= increase(given.increase, now)
    return wanted


def increase(value: object, now: int, param: str = "increase") -> dict[str, Any]:
    """A temporary increase as attributes of a `Budget`; null ends one."""
    if value is None:
        return {"increase_nanos": 0, "increase_until": None}
    if not isinstance(value, Mapping) or set(value) - {"amount", "until"}:
        raise invalid(param, f"'{param}' must be null or {{amount, until}}.")
    nanos = amounts.dollars(value.get("amount", UNSET), f"{param}.amount", least=1)
    until = value.get("until", UNSET)
    latest = now + fields.MAX_LIFETIME
    if not isinstance(until, int) or isinstance(until, bool) or not now < until <= latest:
        raise invalid(f"{param}.until", f"'{param}.until' must be Unix seconds in the future, at most ten years away.")
    return {"increase_nanos": nanos, "increase_until": until}


def settled(budget: Budget) -> Budget:
    """The budget with all its fields agreeing. Raises where two contradict each other.

    A pace belongs to budgets that throttle; a spend limit is what OpenAI's calls can show.
    """
    if budget.at_end is not AtEnd.THROTTLE:
        budget = replace(budget, throttle_per_minute=None)
    elif budget.throttle_per_minute is None:
        param = "throttle_requests_per_minute"
        raise invalid(param, f"'{param}' is required where 'at_end' is \"throttle\".")
    if budget.name == SPEND_LIMIT:
        _require_spend_limit(budget)
    return budget


def _require_spend_limit(budget: Budget) -> None:
    what = f'A budget named "{SPEND_LIMIT}" is the limit that the spend_limit calls show: '
    if budget.interval is not Interval.MONTH:
        raise invalid("interval", what + "its 'interval' is \"month\".")
    if budget.at_end is not AtEnd.REFUSE:
        raise invalid("at_end", what + "its 'at_end' is \"refuse\".")
    if budget.amount_nanos <= 0 or budget.amount_nanos % amounts.NANOS_PER_CENT:
        raise invalid("amount", what + "its 'amount' is whole cents, at least one.")


def facts(wanted: Mapping[str, Any]) -> dict[str, object]:
    """Checked fields as JSON-able values, for the audit."""
    return {name: value.value if isinstance(value, Enum) else value for name, value in wanted.items()}


def required(given: BudgetFields) -> BudgetFields:
    """The fields of a new budget; what it does at its end is to refuse, unless it is said. Raises for one that is missing."""
    for param, value in (("name", given.name), ("amount", given.amount), ("interval", given.interval)):
        if value is UNSET:
            raise invalid(param, f"'{param}' is required.")
    return given


def name_taken(name: str) -> KeyhouseError:
    message = f"There is a budget named '{name}' here already; change it, remove it, or choose another name."
    return KeyhouseError(ErrorCode.CONFLICT, message, param="name")


def _pace(value: object) -> int | None:
    param = "throttle_requests_per_minute"
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < NO_LIMIT:
        raise invalid(param, f"'{param}' must be a whole number of calls a minute between 1 and {NO_LIMIT - 1:,}.")
    return value


def _one_of(members: type[_E], value: object, param: str) -> _E:
    for member in members:
        if member.value == value:
            return member
    known = ", ".join(f'"{member.value}"' for member in members)
    raise invalid(param, f"'{param}' must be one of {known}.")
