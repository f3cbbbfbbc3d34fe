"""The numbers of a rate limit that a caller may give, for a model and for a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from keyhouse.control.fields import UNSET
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, shown
from keyhouse.domain.limits import NO_LIMIT, NOTHING_SET, LimitKind, RateLimits

_BATCH = LimitKind.BATCH_INPUT_TOKENS_PER_DAY.field
_FIELDS = tuple(kind.field for kind in LimitKind)
_OF_A_KEY = tuple(field for field in _FIELDS if field != _BATCH)


@dataclass(frozen=True, slots=True)
class LimitFields:
    """What a face was given for a rate limit, unchecked; UNSET where it was not given."""

    max_requests_per_1_minute: object = UNSET
    max_tokens_per_1_minute: object = UNSET
    max_images_per_1_minute: object = UNSET
    max_audio_megabytes_per_1_minute: object = UNSET
    max_requests_per_1_day: object = UNSET
    batch_1_day_max_input_tokens: object = UNSET


def checked(given: LimitFields) -> dict[str, int]:
    """The numbers that are given, `NO_LIMIT` among them, by field. Raises for the first bad one, and where none is given."""
    numbers = {field: number(value, field) for field, value in asdict(given).items() if value is not UNSET}
    if not numbers:
        raise invalid(_FIELDS[0], f"Give at least one limit: {', '.join(_FIELDS)}.")
    return numbers


def changed(limits: RateLimits, numbers: Mapping[str, int]) -> RateLimits:
    """The limits with these numbers in their places; `NO_LIMIT` takes a limit away."""
    return replace(limits, **{field: None if value == NO_LIMIT else value for field, value in numbers.items()})


def of_key(value: object, param: str = "rate_limits") -> RateLimits | None:
    """A key's own limits: null for none, or an object of at least one of the five; an absent or null field is no limit."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not value:
        known = ", ".join(_OF_A_KEY)
        raise invalid(param, f"'{param}' must be null or an object of at least one of: {known}.")
    for field in value:
        _refuse_unknown(field, param)
    numbers = {field: number(limit, f"{param}.{field}") for field, limit in value.items() if limit is not None}
    limits = changed(NOTHING_SET, numbers)
    return None if limits == NOTHING_SET else limits


def number(value: object, param: str) -> int:
    """A whole number from 0, which refuses every call, to `NO_LIMIT`, which is none."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= NO_LIMIT:
        raise invalid(param, f"'{param}' must be a whole number between 0 and {NO_LIMIT:,}, which means no limit.")
    return value


def _refuse_unknown(field: object, param: str) -> None:
    where = f"{param}.{shown(str(field))}"
    if field == _BATCH:
        message = f"'{where}' is no limit of a key: batches are limited for each model of a project."
        raise KeyhouseError(ErrorCode.NOT_SUPPORTED, message, param=where)
    if field not in _OF_A_KEY:
        raise invalid(where, f"'{where}' is not a limit; a key's limits are {', '.join(_OF_A_KEY)}.")
