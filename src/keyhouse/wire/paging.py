"""Lists in pages, in OpenAI's two styles: by id cursor, and by the place that the page before named as `next`.

A limit of 0, which OpenAI's SDKs may send, is answered by an empty page whose `has_more` says whether anything is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from keyhouse.wire.query import Query

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_NEXT_LIMIT = 1000
PAGE = ("after", "limit")
ORDERED = (*PAGE, "order")
BOTH_WAYS = (*ORDERED, "before")
"""The names of the parameters of each kind, for an operation's declaration."""


class PageParameters(TypedDict):
    """As the use cases take them: the cursor after which to go on, and the most items to return."""

    after: str | None
    limit: int


class OrderedParameters(PageParameters):
    newest_first: bool


class BothWaysParameters(OrderedParameters):
    """`before`: the page ends just before this id, in the list's order."""

    before: str | None


def page_parameters(query: Query, *, most: int = MAX_LIMIT, default: int = DEFAULT_LIMIT) -> PageParameters:
    """`after` and `limit`. Raises `invalid_value` for a limit outside 0 to `most`."""
    limit = query.integer("limit", low=0, high=most)
    return {"after": query.one("after"), "limit": default if limit is None else limit}


def ordered_parameters(
    query: Query, *, most: int = MAX_LIMIT, default: int = DEFAULT_LIMIT, newest_first: bool = False
) -> OrderedParameters:
    """`after`, `limit` and `order` (`asc` or `desc`); `newest_first` where no order is asked for."""
    order = query.choice("order", "asc", "desc")
    descending = newest_first if order is None else order == "desc"
    return {**page_parameters(query, most=most, default=default), "newest_first": descending}


def both_ways_parameters(
    query: Query, *, most: int = MAX_LIMIT, default: int = DEFAULT_LIMIT, newest_first: bool = False
) -> BothWaysParameters:
    """`after`, `before`, `limit` and `order`."""
    ordered = ordered_parameters(query, most=most, default=default, newest_first=newest_first)
    return {**ordered, "before": query.one("before")}


def list_envelope(data: Sequence[dict[str, object]], *, has_more: bool) -> dict[str, object]:
    """OpenAI's list object. Without a `last_id` its SDKs stop paging, so an empty list alone has none."""
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


def next_parameters(
    query: Query, *, most: int = MAX_NEXT_LIMIT, default: int = MAX_NEXT_LIMIT, newest_first: bool = False
) -> OrderedParameters:
    """The cut of a list in the second style: `after` is the `next` of the page before."""
    return ordered_parameters(query, most=most, default=default, newest_first=newest_first)


def next_envelope(data: Sequence[dict[str, object]], *, has_more: bool, next_: str | None) -> dict[str, object]:
    """OpenAI's list object of roles, groups and their people: `next` is the cursor, null at the end."""
    return {"object": "list", "data": data, "has_more": has_more, "next": next_}
