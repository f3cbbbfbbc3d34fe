"""Lists by id cursor: `after` and `limit` in, `{object, data, first_id, last_id, has_more}` out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from keyhouse.wire.query import Query

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_NEXT_LIMIT = 1000


class PageParameters(TypedDict):
    """As the use cases take them: the id after which to go on, and the most items to return."""

    after: str | None
    limit: int


def page_parameters(query: Query) -> PageParameters:
    """The cut that is asked for. Raises `invalid_value` for a limit outside 1 to 100."""
    limit = query.integer("limit", low=1, high=MAX_LIMIT)
    return {"after": query.one("after"), "limit": DEFAULT_LIMIT if limit is None else limit}


def list_envelope(data: Sequence[dict[str, object]], *, has_more: bool) -> dict[str, object]:
    """OpenAI's list object. Without a `last_id` its SDKs stop paging, so an empty list alone has none."""
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


class NextParameters(TypedDict):
    """As the use cases take them: the `next` of the page before, the most items to return, and the order."""

    after: str | None
    limit: int
    newest_first: bool


def next_parameters(query: Query) -> NextParameters:
    """The cut of a list with an opaque cursor. Raises `invalid_value` for a limit outside 0 to 1,000."""
    limit = query.integer("limit", low=0, high=MAX_NEXT_LIMIT)
    newest_first = query.choice("order", "asc", "desc") == "desc"
    return {
        "after": query.one("after"),
        "limit": MAX_NEXT_LIMIT if limit is None else limit,
        "newest_first": newest_first,
    }


def next_envelope(data: Sequence[dict[str, object]], *, has_more: bool) -> dict[str, object]:
    """OpenAI's list object whose `next` is the cursor, null at the end. A page of no items has no cursor to go on from."""
    return {"object": "list", "data": data, "has_more": has_more, "next": data[-1]["id"] if data and has_more else None}
