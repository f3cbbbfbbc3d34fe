"""What OpenAI's clients keep with a project beside its name. Keyhouse stores it and shows it, and nothing more: where data
resides and which key encrypts it is decided by whoever answers the calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keyhouse.control import fields
from keyhouse.control.fields import UNSET
from keyhouse.domain.errors import invalid, shown
from keyhouse.domain.projects import Residency


@dataclass(frozen=True, slots=True)
class ProjectFields:
    """What a face was given, unchecked; UNSET where it was not given, null takes away. `geography` is the older name of
    `residency`: it takes a region (`EU`) too."""

    external_key_id: object = UNSET
    residency: object = UNSET
    geography: object = UNSET


NONE_GIVEN = ProjectFields()


def checked(given: ProjectFields) -> dict[str, Any]:
    """The given fields as attributes of a `Project`. Raises `invalid_value` for the first bad one."""
    wanted: dict[str, Any] = {}
    if given.external_key_id is not UNSET:
        of = given.external_key_id
        wanted["external_key_id"] = None if of is None else fields.name(of, "external_key_id")
    asked = (("residency", given.residency, _residency), ("geography", given.geography, _region))
    places = [None if value is None else read(value, param) for param, value, read in asked if value is not UNSET]
    named = [place for place in places if place is not None]
    if len(named) > 1:
        raise invalid("geography", "Give either 'residency' or 'geography', not both.")
    if places:
        wanted["residency"] = named[0] if named else None
    return wanted


def facts(wanted: dict[str, Any]) -> dict[str, object]:
    """Checked fields as an audit event tells them."""
    return {name: value.value if isinstance(value, Residency) else value for name, value in wanted.items()}


def _residency(value: object, param: str) -> Residency:
    if isinstance(value, str) and value in Residency.__members__:
        return Residency(value)
    raise _unknown(value, param, "")


def _region(value: object, param: str) -> Residency:
    """Upper or lower case; a region for which there are two must say which."""
    text = value.strip().upper() if isinstance(value, str) else ""
    if text in Residency.__members__:
        return Residency(text)
    meant = [one for one in Residency if one.region == text]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise invalid(param, f"'{param}' must say which: {' or '.join(one.value for one in meant)}.")
    raise _unknown(value, param, f"a region ({', '.join(dict.fromkeys(one.region for one in Residency))}) or ")


def _unknown(value: object, param: str, also: str) -> Exception:
    said = f", not '{shown(value)}'" if isinstance(value, str) else ""
    return invalid(param, f"'{param}' must be {also}one of {', '.join(one.value for one in Residency)}{said}.")
