"""Reports: what was used and what it cost, read from rollups. Every face shows these, and nothing else.

1. The shapes are OpenAI's (`GET /organization/usage/*`, `/organization/costs`); what is added to them stands last in a result.
2. Buckets are aligned to UTC and all there, empty ones too. A range that begins or ends inside a bucket cuts what that
   bucket counts, to the minute: a start is rounded down, an end up.
3. A range is read in the widest buckets that fit it, so that a page costs the same however many calls it sums.
4. Unpriced usage is never a silent zero: it is a line item of its own with its tokens, and every result counts its calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from keyhouse.domain.usage import Pricing
from keyhouse.ledger.pricing import PriceBook
from keyhouse.ledger.report_kinds import CALLS, COSTS, SOURCES, USAGE, Kind
from keyhouse.ledger.report_query import WIDTHS, Cut, Query, cut_of
from keyhouse.ledger.report_results import CostsResult, Result, Tags, UsageCompletionsResult, UsageResult
from keyhouse.ledger.report_tags import Group, ReportTags, fields_of, order
from keyhouse.ledger.rollup import add, catch_up
from keyhouse.ledger.spending import rolled_up_costs
from keyhouse.store.contract import RollupFilter, RollupKey, RollupSums, Store, Width

__all__ = [
    "CALLS",
    "COSTS",
    "USAGE",
    "WIDTHS",
    "Bucket",
    "CostsResult",
    "Kind",
    "PriceBook",
    "Query",
    "Report",
    "Result",
    "UsageCompletionsResult",
    "UsageResult",
    "cost_report",
    "refresh",
    "rolled_up_costs",
    "segments",
    "usage_report",
]

R = TypeVar("R", bound=Result)
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Bucket(Generic[R_co]):
    """A period: `start_time` inclusive, `end_time` exclusive, Unix seconds, aligned to UTC."""

    start_time: int
    end_time: int
    results: tuple[R_co, ...]


@dataclass(frozen=True, slots=True)
class Report(Generic[R_co]):
    """A page of buckets, oldest first. `next_page` asks for the next one, None at the end."""

    buckets: tuple[Bucket[R_co], ...]
    next_page: str | None


def refresh(store: Store) -> None:
    """Rolls up every committed row, so that a report that is read now has it."""
    catch_up(store)


def usage_report(store: Store, kind: Kind[R], query: Query, now: int) -> Report[R]:
    """What calls of `kind` (one of USAGE) used. Raises `invalid_value` naming the parameter at fault."""
    cut = cut_of(kind, query, now)
    rows = [] if _asks_for_what_no_row_has(query) else _read(store, kind, query, cut, _fields(query))
    tags = ReportTags(store, query, rows)
    return _report(
        cut,
        (
            (group.key.bucket, _usage_result(kind.result, group.key, sums, query.group_by, _shown(tags, group)))
            for group, sums in tags.groups()
        ),
    )


def cost_report(store: Store, query: Query, now: int) -> Report[CostsResult]:
    """What calls cost, by day. Raises `invalid_value` naming the parameter at fault."""
    cut = cut_of(COSTS, query, now)
    # Line items are named after models and split by kind of token, so they are read by model and put together here.
    rows = _read(store, COSTS, query, cut, (*_fields(query), "model", "pricing"))
    return _report(cut, _costs_results(ReportTags(store, query, rows), query))


def _asks_for_what_no_row_has(query: Query) -> bool:
    """There are no batch jobs, and usage rows say nothing of sizes, searches or vector stores: such a filter finds nothing."""
    sets = (query.sizes, query.context_levels, query.vector_store_ids)
    return bool(query.batch) or any(allowed is not None for allowed in sets)


# --- reading ---------------------------------------------------------------------------------------------------------

_COLUMNS = {
    "project_id": "project_id",
    "user_id": "user_id",
    "api_key_id": "key_id",
    "model": "model",
    "service_tier": "service_tier",
    "source": "operation",
}


def _fields(query: Query) -> tuple[str, ...]:
    named = (_COLUMNS[name] for name in query.group_by if name in _COLUMNS)
    return tuple(dict.fromkeys([*named, *fields_of(query)]))


_Rows = Iterable[tuple[RollupKey, RollupSums]]


def _read(store: Store, kind: Kind[Result], query: Query, cut: Cut, fields: tuple[str, ...]) -> _Rows:
    """Sums of the cut by bucket and fields, ordered by both."""
    pieces = list(segments(cut.start, cut.end, cut.width))
    with store.read() as tx:
        read = [tx.rollups.sum(width, _where(kind, query, start, end), fields) for width, start, end in pieces]
    if len(read) == 1 and pieces[0][0] is cut.width:
        return read[0]
    found: dict[RollupKey, RollupSums] = {}
    for key, sums in chain.from_iterable(read):
        wide = key._replace(bucket=key.bucket - key.bucket % cut.width.value)
        found[wide] = add(found[wide], sums) if wide in found else sums
    return sorted(found.items())


def _where(kind: Kind[Result], query: Query, start: int, end: int) -> RollupFilter:
    return RollupFilter(
        query.organization_id,
        start,
        end,
        query.project_ids,
        query.user_ids,
        query.api_key_ids,
        query.models,
        _operations(kind, query),
    )


def _operations(kind: Kind[Result], query: Query) -> tuple[str, ...]:
    if query.sources is None:
        return kind.operations
    return tuple(name for name in kind.operations if SOURCES.get(name) in query.sources)


def segments(start: int, end: int, width: Width) -> Iterator[tuple[Width, int, int]]:
    """The range as non-empty pieces (width, start, end), in order, each in the widest buckets not over `width` that tile it.

    `start` and `end` must be whole minutes.
    """
    if start >= end:
        return
    finer = {Width.DAY: Width.HOUR, Width.HOUR: Width.MINUTE}.get(width)
    inner_start = min(-(-start // width.value) * width.value, end)
    inner_end = max(end // width.value * width.value, inner_start)
    if finer is not None:
        yield from segments(start, inner_start, finer)
    if inner_start < inner_end:
        yield width, inner_start, inner_end
    if finer is not None:
        yield from segments(inner_end, end, finer)


def _report(cut: Cut, results: Iterable[tuple[int, R_co]]) -> Report[R_co]:
    by_bucket: dict[int, list[R_co]] = {start: [] for start in cut.buckets}
    for bucket, result in results:
        by_bucket[bucket].append(result)
    width = cut.width.value
    buckets = tuple(Bucket(start, start + width, tuple(found)) for start, found in by_bucket.items())
    return Report(buckets, cut.next_page)


# --- results ---------------------------------------------------------------------------------------------------------


def _shown(tags: ReportTags, group: Group) -> Tags:
    shown = tags.shown(group)
    return msgspec.UNSET if shown is None else shown


def _usage_result(result: type[R], key: RollupKey, sums: RollupSums, group_by: Sequence[str], tags: Tags) -> R:
    known: dict[str, Any] = {
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "num_model_requests": sums.requests,
        "project_id": key.project_id or None,
        "user_id": key.user_id or None,
        "api_key_id": key.key_id or None,
        "model": key.model or None,
        "source": SOURCES.get(key.operation),
        "batch": False if "batch" in group_by else None,
        "service_tier": key.service_tier or None,
        "num_unpriced_requests": sums.unpriced_requests,
        "num_estimated_requests": sums.estimated_requests,
        "tags": tags,
    }
    if result is UsageCompletionsResult:
        known |= _sorts_of_tokens(sums)
    has = result.__struct_fields__
    return result(**{name: known[name] for name in has if name in known})


def _sorts_of_tokens(sums: RollupSums) -> dict[str, int]:
    uncached = max(sums.input_tokens - sums.cached_tokens - sums.cache_write_tokens, 0)
    audio = min(sums.input_audio_tokens, uncached)
    return {
        "input_cached_tokens": sums.cached_tokens,
        "input_cache_write_tokens": sums.cache_write_tokens,
        "input_uncached_tokens": uncached,
        "input_text_tokens": uncached - audio,
        "output_text_tokens": max(sums.output_tokens - sums.output_audio_tokens, 0),
        "input_cached_text_tokens": sums.cached_tokens,
        "input_audio_tokens": audio,
        "output_audio_tokens": sums.output_audio_tokens,
        "output_reasoning_tokens": sums.reasoning_tokens,
    }


class _Line(NamedTuple):
    item: str
    nanos: int = 0
    tokens: int = 0
    unpriced: int = 0


def _costs_results(tags: ReportTags, query: Query) -> Iterator[tuple[int, CostsResult]]:
    by_item = "line_item" in query.group_by
    groups: dict[tuple[Group, str], _Line] = {}
    for found, sums in tags.groups():
        for line in _lines(found.key, sums):
            if query.line_items is not None and line.item not in query.line_items:
                continue
            group = found._replace(key=found.key._replace(model="", pricing="")), line.item if by_item else ""
            _, nanos, tokens, unpriced = groups.get(group, _Line(""))
            groups[group] = _Line("", nanos + line.nanos, tokens + line.tokens, unpriced + line.unpriced)
    for (found, item), line in sorted(groups.items(), key=lambda entry: (*order(entry[0][0]), entry[0][1])):
        key = found.key
        yield (
            key.bucket,
            CostsResult(
                amount_nanos=line.nanos,
                line_item=item or None,
                project_id=key.project_id or None,
                user_id=key.user_id or None,
                api_key_id=key.key_id or None,
                quantity=line.tokens if by_item else None,
                quantity_unit="tokens" if by_item else None,
                num_unpriced_requests=line.unpriced,
                tags=_shown(tags, found),
            ),
        )


def _lines(key: RollupKey, sums: RollupSums) -> Iterator[_Line]:
    """The line items of a model's sums; those that count nothing are left out."""
    if key.pricing == Pricing.UNPRICED.value:
        tokens = sums.input_tokens + sums.output_tokens
        yield _Line(f"{key.model}, unpriced", 0, tokens, sums.unpriced_requests)
        return
    for line in (
        _Line(f"{key.model}, input", sums.cost_input_nanos, sums.input_tokens - sums.cached_tokens),
        _Line(f"{key.model}, cached input", sums.cost_cached_nanos, sums.cached_tokens),
        _Line(f"{key.model}, output", sums.cost_output_nanos, sums.output_tokens),
    ):
        if line.nanos or line.tokens:
            yield line
