"""Usage and costs of the caller's organization: the reports, and the forms in which every face shows them.

A report has one JSON and one CSV; amounts are US dollars with all their digits, never a rounded float.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid
from keyhouse.domain.money import NANOS_PER_DOLLAR
from keyhouse.domain.tags import PREFIX
from keyhouse.ledger import reports
from keyhouse.ledger.reports import CALLS, COSTS, USAGE, WIDTHS, Bucket, CostsResult, Kind, Query, Report, Result
from keyhouse.store.contract import Width

__all__ = ["CALLS", "COSTS", "USAGE", "Bucket", "CostsResult", "Kind", "Query", "Result"]

MAX_BUCKETS = 50_000
"""The most buckets of a report that is read whole."""


@needs(Permission.USAGE_READ, somewhere=True)
def report(control: Control, caller: Caller, kind: Kind[Result], query: Query) -> Report[Result]:
    """A page of the report, up to the last committed call. Whatever the query says, it is the caller's organization's.

    Raises `invalid_value`.
    """
    reports.refresh(control.store)
    query = query._replace(organization_id=caller.organization_id)
    _require_projects(caller, query)
    if kind is COSTS:
        return reports.cost_report(control.store, query, control.clock())
    return reports.usage_report(control.store, kind, query, control.clock())


@needs(Permission.USAGE_READ, somewhere=True)
def whole(control: Control, caller: Caller, kinds: Sequence[Kind[Result]], query: Query) -> tuple[Bucket[Result], ...]:
    """All buckets of the range, with the results of these kinds side by side. Raises `invalid_value`, also for over
    `MAX_BUCKETS` buckets."""
    end = control.clock() + 1 if query.end_time is None else query.end_time
    query = query._replace(end_time=end)
    width = WIDTHS.get(query.bucket_width)
    if width is not None and (end - query.start_time) // width.value > MAX_BUCKETS:
        raise invalid(
            "bucket_width", f"The range has more than {MAX_BUCKETS:,} buckets; take wider ones or a shorter range."
        )
    pages = [_every_bucket(control, caller, kind, query) for kind in kinds]
    return tuple(
        Bucket(first.start_time, first.end_time, tuple(r for bucket in (first, *others) for r in bucket.results))
        for first, *others in zip(*pages, strict=True)
    )


def _require_projects(caller: Caller, query: Query) -> None:
    """Who may see single projects only asks for those."""
    seen = caller.authority.where(Permission.USAGE_READ)
    if seen is None or (query.project_ids is not None and seen.issuperset(query.project_ids)):
        return
    message = "You see the usage of single projects only: name them, and no others, in 'project_ids'."
    raise KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, message, param="project_ids")


def _every_bucket(control: Control, caller: Caller, kind: Kind[Result], query: Query) -> Iterator[Bucket[Result]]:
    _, greatest = kind.limits.get(
        WIDTHS.get(query.bucket_width, Width.DAY), (1, 1)
    )  # a wrong width is refused with the page
    query = query._replace(limit=greatest)
    while True:
        page = report(control, caller, kind, query)
        yield from page.buckets
        if page.next_page is None:
            return
        query = query._replace(page=page.next_page)


@needs(Permission.USAGE_READ, somewhere=True)
def unpriced(control: Control, caller: Caller, query: Query) -> dict[str, int]:
    """Calls to models without a price, by model: what the costs of the query's range leave out."""
    query = query._replace(bucket_width="1d", group_by=("line_item",))
    found: dict[str, int] = {}
    for bucket in whole(control, caller, [COSTS], query):
        for result in bucket.results:
            if isinstance(result, CostsResult) and result.num_unpriced_requests:
                model = (result.line_item or "").removesuffix(", unpriced")
                found[model] = found.get(model, 0) + result.num_unpriced_requests
    return found


def names(control: Control, caller: Caller, buckets: Iterable[Bucket[Result]]) -> dict[str, str]:
    """What the projects, keys and people of a report are called, by id; who is gone is not in it."""
    results = [result for bucket in buckets for result in bucket.results]
    found: dict[str, str] = {}
    with control.store.read() as tx:
        for project_id in _ids(results, "project_id"):
            project = tx.projects.get(caller.organization_id, project_id)
            found |= {} if project is None else {project_id: project.name}
        for key_id in _ids(results, "api_key_id"):
            key = tx.keys.get(caller.organization_id, key_id)
            found |= {} if key is None else {key_id: key.name}
        for user_id in _ids(results, "user_id"):
            person = tx.people.get(caller.organization_id, user_id)
            found |= {} if person is None else {user_id: person[0].email}
    return found


def _ids(results: Iterable[Result], field: str) -> set[str]:
    """The ids in a field that not every report has."""
    return {found for result in results if (found := getattr(result, field, None))}


def unpriced_in(result: Result) -> int:
    """The calls of a result whose cost is unknown; not every report counts calls."""
    count: int = getattr(result, "num_unpriced_requests", 0)
    return count


def tags_of(result: Result) -> dict[str, str | None]:
    """The tags that a result shows, by name."""
    return {} if result.tags is UNSET else result.tags


def tag_names(buckets: Iterable[Bucket[Result]]) -> list[str]:
    """The names of all tags that a report shows, in order."""
    return sorted({name for bucket in buckets for result in bucket.results for name in tags_of(result)})


# --- forms -----------------------------------------------------------------------------------------------------------


def as_json(buckets: Iterable[Bucket[Result]], next_page: str | None = None) -> bytes:
    """OpenAI's usage page: `{object: "page", data: [bucket], has_more, next_page}`."""
    data = [
        {
            "object": "bucket",
            "start_time": bucket.start_time,
            "end_time": bucket.end_time,
            "results": [_result_json(result) for result in bucket.results],
        }
        for bucket in buckets
    ]
    return msgspec.json.encode(
        {"object": "page", "data": data, "has_more": next_page is not None, "next_page": next_page}
    )


def _result_json(result: Result) -> object:
    if not isinstance(result, CostsResult):
        return result
    body = msgspec.structs.asdict(result)
    if result.tags is UNSET:
        del body["tags"]
    value = msgspec.Raw(dollars(body.pop("amount_nanos")).encode("ascii"))
    return {"object": body.pop("object"), "amount": {"value": value, "currency": "usd"}, **body}


def as_csv(buckets: Iterable[Bucket[Result]], kinds: Sequence[Kind[Result]]) -> str:
    """One line for each result, times in ISO 8601 (UTC), with a head line of OpenAI's names; amounts as `amount_usd`. Every
    tag that a result shows has a column at the end, `tag:team`."""
    buckets = list(buckets)
    fields = dict.fromkeys(name for kind in kinds for name in kind.result.__struct_fields__)
    columns = [name for name in fields if name != "tags"]
    tags = tag_names(buckets)
    heads = ["start_time", "end_time", *("amount_usd" if name == "amount_nanos" else name for name in columns)]
    heads += [PREFIX + name for name in tags]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    for bucket in buckets:
        period = [moment(bucket.start_time), moment(bucket.end_time)]
        for result in bucket.results:
            cells = [_cell(name, getattr(result, name, None)) for name in columns]
            writer.writerow(period + cells + [_cell("tags", tags_of(result).get(name)) for name in tags])
    return out.getvalue()


def _cell(name: str, value: Any) -> object:
    if name == "amount_nanos":
        return dollars(value)
    # A spreadsheet would run a model's name that begins like a formula.
    return "'" + value if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def dollars(nanos: int) -> str:
    """Nano-dollars as US dollars, exactly: `0.06`, `12`, `0.000000001`."""
    whole_dollars, rest = divmod(abs(nanos), NANOS_PER_DOLLAR)
    text = f"{whole_dollars}.{rest:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if nanos < 0 else text


def moment(time: int) -> str:
    """Unix seconds as `2026-01-31T00:00:00Z`."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
