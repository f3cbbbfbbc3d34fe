"""One page of a list that was read whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from keyhouse.domain.errors import invalid, shown
from keyhouse.store.contract import Listed

T = TypeVar("T")


def cut(found: Sequence[T], id_of: Callable[[T], str], after: str | None, limit: int) -> Listed[T]:
    """At most `limit` items, those after the one with this id. Raises `invalid_value` for an id that is not among them."""
    begin = 0
    if after is not None:
        places = {id_of(item): place for place, item in enumerate(found)}
        if after not in places:
            raise invalid("after", f"'{shown(after)}' is not the end of a page of this list.")
        begin = places[after] + 1
    items = tuple(found[begin : begin + limit])
    has_more = len(found) > begin + limit
    return Listed(items, has_more, id_of(items[-1]) if items and has_more else None)
