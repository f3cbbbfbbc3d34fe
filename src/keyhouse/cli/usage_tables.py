"""The tables of `keyhouse usage` and `keyhouse costs`, and what is said below them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from keyhouse.control import usage
from keyhouse.control.usage import COSTS, Bucket, CostsResult, Kind, Query, Result
from keyhouse.domain.errors import shown
from keyhouse.domain.money import format_dollars
from keyhouse.domain.tags import PREFIX


def report_lines(
    buckets: Sequence[Bucket[Result]], kinds: Sequence[Kind[Result]], query: Query, names: dict[str, str]
) -> list[str]:
    """The table: a line for each result, and their sums. Periods in which nothing happened are left out."""
    by_tag = [field for field in query.group_by if field.startswith(PREFIX)]
    others = [field for field in query.group_by if field not in by_tag]
    tags = [PREFIX + name for name in usage.tag_names(buckets) if PREFIX + name not in by_tag]
    figures = _figures_of(kinds, query)
    rows: list[list[str]] = []
    for bucket in buckets:
        for result in bucket.results:
            labels = [_label(getattr(result, field), names) for field in others]
            labels += [_label(usage.tags_of(result).get(tag.removeprefix(PREFIX)), {}) for tag in (*by_tag, *tags)]
            labels += [] if COSTS in kinds else [result.object.split(".")[2]]
            cells = [_cell(result, field) for field in figures]
            rows.append([_period(bucket.start_time, query.bucket_width), *labels, *cells])
    if not rows:
        return ["Nothing was used in this time."]
    heads = [*(_HEADS[field] for field in others), *by_tag, *tags, *([] if COSTS in kinds else ["Kind"])]
    results = [result for bucket in buckets for result in bucket.results]
    last = ["Total", *[""] * len(heads), *(_sum(results, field) for field in figures)]
    return _aligned([["Period (UTC)", *heads, *figures.values()], *rows, last], set(figures.values()))


_HEADS = {
    "api_key_id": "Key", "context_level": "Context level", "line_item": "Line item", "model": "Model",
    "project_id": "Project", "size": "Size", "source": "Source", "user_id": "User", "vector_store_id": "Vector store",
}  # fmt: skip
_COSTS = {"quantity": "Tokens", "amount_nanos": "Cost"}
_TOGETHER = {
    "num_model_requests": "Requests", "input_tokens": "Input", "input_cached_tokens": "Cached", "output_tokens": "Output",
}  # fmt: skip
_FIGURES = {
    "num_model_requests": "Requests", "num_requests": "Searches", "num_sessions": "Sessions", "usage_bytes": "Bytes",
    "images": "Images", "characters": "Characters", "seconds": "Seconds",
    "input_tokens": "Input", "input_cached_tokens": "Cached", "output_tokens": "Output",
}  # fmt: skip


def _figures_of(kinds: Sequence[Kind[Result]], query: Query) -> dict[str, str]:
    """The fields that are added up below the table, with their heads."""
    if COSTS in kinds:
        return _COSTS if "line_item" in query.group_by else {"amount_nanos": "Cost"}
    if len(kinds) > 1:
        return _TOGETHER
    return {name: head for name, head in _FIGURES.items() if name in kinds[0].result.__struct_fields__}


def _cell(result: Result, field: str) -> str:
    if isinstance(result, CostsResult) and field == "amount_nanos":
        unknown = not result.amount_nanos and result.num_unpriced_requests
        return "unpriced" if unknown else format_dollars(result.amount_nanos)
    return f"{getattr(result, field, None) or 0:,}"


def _sum(results: Sequence[Result], field: str) -> str:
    total = sum(getattr(result, field, None) or 0 for result in results)
    if field == "quantity":
        return ""  # tokens of several sorts and prices: their sum says nothing
    return _amount(total) if field == "amount_nanos" else f"{total:,}"


def _amount(nanos: int) -> str:
    return "<$0.000001" if 0 < nanos < 500 else format_dollars(nanos)  # what costs something never shows as nothing


def _label(value: str | None, names: dict[str, str]) -> str:
    if value is None:
        return "–"
    name = names.get(value)
    return shown(value) if name is None else f"{shown(name)} ({value})"


def _period(start: int, width: str) -> str:
    return datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d" if width == "1d" else "%Y-%m-%d %H:%M")


def _aligned(rows: Sequence[Sequence[str]], right: set[str]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    to_right = [head in right for head in rows[0]]
    lines = [
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, to_right, strict=True)).rstrip()
        for row in rows
    ]
    rule = "-" * max(map(len, lines))
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def notes(buckets: Iterable[Bucket[Result]], unpriced: dict[str, int]) -> list[str]:
    """What the figures leave out or do not know for certain."""
    notes = []
    estimated = sum(getattr(result, "num_estimated_requests", 0) for bucket in buckets for result in bucket.results)
    if estimated:
        notes.append(f"{_calls(estimated)} had tokens counted here, because the upstream reported none.")
    if unpriced:
        models = ", ".join(
            f"{shown(model) or 'no model'} ({_calls(count)})" for model, count in sorted(unpriced.items())
        )
        notes.append(f"Unpriced, and in no cost: {models}. A price for calls from now on: keyhouse prices set MODEL.")
    return ["", *notes] if notes else []


def _calls(count: int) -> str:
    return f"{count:,} call{'' if count == 1 else 's'}"
