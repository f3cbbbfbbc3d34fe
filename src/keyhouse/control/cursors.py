"""One page of a list that was read whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from keyhouse.domain.errors import invalid, shown
from keyhouse.store.contract import Listed, Page, places

T = TypeVar("T")
Place = tuple[int, int, str]
"""What orders a list that mixes kinds of items: which kind, when or in which order within it, an id. Each item has its own."""


def cut(found: Sequence[T], place_of: Callable[[T], Place], page: Page) -> Listed[T]:
    """At most `page.limit` of these items, those after its cursor: a `next`, which lasts when the item is gone whose place it is,
    or the id of an item that is there. Raises `invalid_value` for another one."""
    ordered = sorted(found, key=place_of, reverse=page.newest_first)
    if page.after is not None:
        place = _place(ordered, place_of, page.after)
        ordered = [
            item for item in ordered if (place_of(item) < place if page.newest_first else place_of(item) > place)
        ]
    items, has_more = tuple(ordered[: page.limit]), len(ordered) > page.limit
    return Listed(items, has_more, places.written(place_of(items[-1])) if items and has_more else None)


def _place(found: Sequence[T], place_of: Callable[[T], Place], cursor: str) -> Place:
    match places.read(cursor):
        case [int(kind), int(at), str(id_)]:
            return kind, at, id_
    for item in found:
        if place_of(item)[-1] == cursor:
            return place_of(item)
    raise invalid("after", f"'{shown(cursor)}' is not the end of a page of this list.")
