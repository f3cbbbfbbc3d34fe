"""What a report is asked for: its kind, the range and its cut into pages of buckets.

Every parameter is checked here, so that all faces refuse with the same sentence.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Sequence
from typing import NamedTuple

from keyhouse.domain.errors import KeyhouseError, invalid, shown
from keyhouse.domain.tags import MAX_TAGS, PREFIX, is_name
from keyhouse.ledger.report_kinds import LISTED, Kind
from keyhouse.ledger.report_results import Result
from keyhouse.store.contract import Width

WIDTHS = {"1m": Width.MINUTE, "1h": Width.HOUR, "1d": Width.DAY}
MAX_TIME = 1 << 36
"""Unix seconds: beyond it lies no call, and a calendar has trouble."""


class Query(NamedTuple):
    """What is asked, in OpenAI's terms. Times are Unix seconds, `end_time` None is now; a filter of None does not restrict."""

    organization_id: str
    start_time: int
    end_time: int | None = None
    bucket_width: str = "1d"
    group_by: tuple[str, ...] = ()
    project_ids: tuple[str, ...] | None = None
    user_ids: tuple[str, ...] | None = None
    api_key_ids: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    line_items: tuple[str, ...] | None = None
    batch: bool | None = None
    sources: tuple[str, ...] | None = None
    sizes: tuple[str, ...] | None = None
    context_levels: tuple[str, ...] | None = None
    vector_store_ids: tuple[str, ...] | None = None
    limit: int | None = None
    page: str | None = None


class Cut(NamedTuple):
    """The page's part of the range: whole minutes from `start` to `end`, and the starts of the buckets that it touches."""

    width: Width
    start: int
    end: int
    buckets: range
    next_page: str | None


def cut_of(kind: Kind[Result], query: Query, now: int) -> Cut:
    """The page of the query at `now` (Unix seconds). Raises `invalid_value` naming the parameter at fault."""
    width, limit = _width(kind, query), _limit(kind, query)
    _require_groups(kind, query)
    _require_listed(query)
    start, end = _range(query, now)
    first = _floor(start, width)
    if query.page is not None:
        first, end = _open_cursor(query.page, kind, query, width)
        start = first
    buckets = range(first, end, width.value)
    page, rest = buckets[:limit], buckets[limit:]
    next_page = _cursor(kind, query, rest[0], end) if rest else None
    # No call is later than now: a range that reaches it is read to its bucket's end, in one piece.
    until = _ceil(end, Width.MINUTE if end <= now else width)
    return Cut(width, _floor(start, Width.MINUTE), min(until, page[-1] + width.value), page, next_page)


def _floor(time: int, width: Width) -> int:
    return time - time % width.value


def _ceil(time: int, width: Width) -> int:
    return -(-time // width.value) * width.value


def _width(kind: Kind[Result], query: Query) -> Width:
    allowed = [name for name, width in WIDTHS.items() if width in kind.limits]
    if query.bucket_width not in allowed:
        raise invalid("bucket_width", f"'bucket_width' must be {_one_of(allowed)}, not '{shown(query.bucket_width)}'.")
    return WIDTHS[query.bucket_width]


def _limit(kind: Kind[Result], query: Query) -> int:
    default, greatest = kind.limits[WIDTHS[query.bucket_width]]
    if query.limit is None:
        return default
    if not 1 <= query.limit <= greatest:
        raise invalid("limit", f"'limit' must be between 1 and {greatest} with a bucket width of {query.bucket_width}.")
    return query.limit


def _require_groups(kind: Kind[Result], query: Query) -> None:
    tags = {name for name in query.group_by if name.startswith(PREFIX)}
    for name in query.group_by:
        if name in tags and not is_name(name.removeprefix(PREFIX)):
            raise invalid("group_by", f"'{shown(name)}' names no tag: 1 to 64 of a to z, 0 to 9, '_', '.' and '-'.")
        if name not in tags and name not in kind.group_by:
            known = _one_of((*kind.group_by, PREFIX + "NAME"))
            raise invalid("group_by", f"'group_by' must be {known}, not '{shown(name)}'.")
    if len(tags) > MAX_TAGS:
        raise invalid("group_by", f"'group_by' must not name more than {MAX_TAGS} tags.")


def _require_listed(query: Query) -> None:
    for name, known in LISTED.items():
        for value in getattr(query, name) or ():
            if value not in known:
                raise invalid(name, f"'{name}' must be {_one_of(known)}, not '{shown(value)}'.")


def _range(query: Query, now: int) -> tuple[int, int]:
    for param, value in (("start_time", query.start_time), ("end_time", query.end_time)):
        if value is not None and not 0 <= value <= MAX_TIME:
            raise invalid(param, f"'{param}' must be a time in Unix seconds.")
    if query.end_time is None:
        if query.start_time > now:
            raise invalid("start_time", "'start_time' lies in the future.")
        return query.start_time, now + 1
    if query.end_time <= query.start_time:
        raise invalid("end_time", "'end_time' must be later than 'start_time'.")
    return query.start_time, query.end_time


def _one_of(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


# A cursor is the first bucket of its page and the end of the range, which a default end of "now" would move from page to
# page, under a checksum of these and of the query that it continues.


def _cursor(kind: Kind[Result], query: Query, first: int, end: int) -> str:
    body = struct.pack(">QQ", end, first)
    return "page_" + base64.urlsafe_b64encode(body + _checksum(kind, query, body)).decode("ascii")


def _open_cursor(page: str, kind: Kind[Result], query: Query, width: Width) -> tuple[int, int]:
    try:
        raw = base64.b64decode(page.removeprefix("page_").encode("ascii"), b"-_", validate=True)
        end, first = struct.unpack(">QQ", raw[:16])
    except (ValueError, binascii.Error, struct.error):
        raise _bad_page() from None
    genuine = page.startswith("page_") and raw[16:] == _checksum(kind, query, raw[:16])
    if not genuine or first % width.value or not query.start_time < first < end <= MAX_TIME:
        raise _bad_page()
    return first, end


def _checksum(kind: Kind[Result], query: Query, body: bytes) -> bytes:
    asked = repr((kind.name, tuple(query._replace(page=None, limit=None)))).encode()
    return hashlib.sha256(asked + body).digest()[:8]


def _bad_page() -> KeyhouseError:
    return invalid("page", "'page' must be the 'next_page' of an answer to the same query.")
