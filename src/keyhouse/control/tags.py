"""Tags for chargeback on projects and keys: what they may be, and what objects have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from keyhouse.control.context import Caller, Control
from keyhouse.control.fields import UNSET
from keyhouse.domain.errors import invalid, shown
from keyhouse.domain.tags import MAX_TAGS, MAX_VALUE, is_name

Change = tuple[dict[str, str], ...]
"""The tags that are to stand in place of an object's, or nothing where they were not given."""


def checked(value: object) -> Change:
    """The given tags, by name; null and {} clear them. Raises `invalid_value` for what is no object of at most 16 names
    with 1 to 128 printable characters each."""
    if value is UNSET:
        return ()
    if value is None:
        return ({},)
    if not isinstance(value, Mapping):
        raise invalid("tags", '\'tags\' must be null or an object of names and values such as {"team": "red"}.')
    if len(value) > MAX_TAGS:
        raise invalid("tags", f"'tags' must not have more than {MAX_TAGS} names.")
    return ({_name(name): _value(name, text) for name, text in sorted(value.items(), key=lambda pair: str(pair[0]))},)


def refuse_of_admin_key(value: object) -> None:
    """Raises `invalid_value` for tags on an admin key."""
    if any(checked(value)):
        raise invalid("tags", "An admin key has no tags: it calls no model, so it is in no report.")


def facts(change: Change) -> dict[str, object]:
    """The change as an audit event tells it."""
    return {"tags": change[0]} if change else {}


def of(control: Control, caller: Caller, object_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The tags of these projects or keys by id; an object without tags has an empty one."""
    wanted = list(object_ids)
    with control.store.read() as tx:
        found = tx.tags.of(caller.organization_id, wanted)
    return {object_id: found.get(object_id, {}) for object_id in wanted}


def _name(name: object) -> str:
    if not isinstance(name, str) or not is_name(name):
        message = f"'{shown(str(name))}' is not a tag's name: 1 to 64 of a to z, 0 to 9, '_', '.' and '-'."
        raise invalid("tags", message)
    return name


def _value(name: str, value: object) -> str:
    param = f"tags.{name}"
    if not isinstance(value, str):
        raise invalid(param, f"'{param}' must be a string.")
    if not value.strip() or len(value) > MAX_VALUE:
        raise invalid(param, f"'{param}' must have 1 to {MAX_VALUE} characters that are not all spaces.")
    if not value.isprintable():
        raise invalid(param, f"'{param}' must have printable characters only.")
    return value
