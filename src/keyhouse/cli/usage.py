"""`keyhouse usage` and `keyhouse costs`: the reports of the administration API, as tables, JSON or CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer

from keyhouse.control import usage
from keyhouse.control.context import Caller, Control
from keyhouse.control.naming import find_key, find_project
from keyhouse.control.usage import COMPLETIONS, COSTS, EMBEDDINGS, Bucket, CostsResult, Kind, Query, Result
from keyhouse.domain.errors import invalid, shown
from keyhouse.domain.money import format_dollars
from keyhouse.domain.tags import PREFIX

House = Callable[[], AbstractContextManager[tuple[Control, Caller]]]
"""Opens the house for one command, on behalf of the operator."""

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_BUCKETS = {"1m": 60, "1h": 3600, "1d": 86_400}
_KINDS = {"all": (COMPLETIONS, EMBEDDINGS), "completions": (COMPLETIONS,), "embeddings": (EMBEDDINGS,)}
_GROUPS = {"key": "api_key_id", "model": "model", "project": "project_id", "user": "user_id"}

Since = Annotated[str, typer.Option(help="Where the range begins: 30m, 24h, 7d, 4w, 2026-01-31, or Unix seconds.")]
Until = Annotated[str | None, typer.Option(help="Where it ends, not included, in the same forms; now, if not given.")]
By = Annotated[
    str,
    typer.Option(
        "--by",
        "--group-by",
        help="What to tell apart: any of project, key, model, user and tag:NAME, with commas; or none.",
    ),
]
Width = Annotated[str, typer.Option("--bucket", help="The width of a line's period: 1m, 1h or 1d.")]
Projects = Annotated[list[str] | None, typer.Option("--project", help="Only this project, by id or name; repeatable.")]
Keys = Annotated[list[str] | None, typer.Option("--key", help="Only this key, by id or name; repeatable.")]
Models = Annotated[list[str] | None, typer.Option("--model", help="Only this model; repeatable.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON, in the shape of the API.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the report as CSV.")]


def register(app: typer.Typer, house: House) -> None:
    """Adds both commands to the program."""

    @app.command("usage")
    def usage_command(
        *,
        since: Since = "7d",
        until: Until = None,
        by: By = "model",
        bucket: Width = "1d",
        kind: Annotated[str, typer.Option(help="completions, embeddings or all.")] = "all",
        project: Projects = None,
        key: Keys = None,
        model: Models = None,
        as_json: AsJson = False,
        as_csv: AsCsv = False,
    ) -> None:
        """Shows what calls used: requests and tokens."""
        if kind not in _KINDS:
            raise invalid("kind", f"'--kind' must be {', '.join(_KINDS)}, not '{shown(kind)}'.")
        with house() as (control, caller):
            scope = Scope(since, until, by, bucket, project or [], key or [], model or [])
            query = _query(control, caller, scope, _GROUPS, ("1m", "1h", "1d"))
            _show(control, caller, _KINDS[kind], query, as_json=as_json, as_csv=as_csv)

    @app.command("costs")
    def costs_command(
        *,
        since: Since = "7d",
        until: Until = None,
        by: By = "model",
        bucket: Width = "1d",
        project: Projects = None,
        key: Keys = None,
        as_json: AsJson = False,
        as_csv: AsCsv = False,
    ) -> None:
        """Shows what calls cost, in US dollars."""
        with house() as (control, caller):
            scope = Scope(since, until, by, bucket, project or [], key or [], [])
            query = _query(control, caller, scope, _GROUPS | {"model": "line_item"}, ("1d",))
            _show(control, caller, (COSTS,), query, as_json=as_json, as_csv=as_csv)


class Scope(NamedTuple):
    """The options of a command that say what is to be shown, as they were typed."""

    since: str
    until: str | None
    by: str
    bucket: str
    projects: Sequence[str]
    keys: Sequence[str]
    models: Sequence[str]


def _query(control: Control, caller: Caller, scope: Scope, groups: dict[str, str], buckets: tuple[str, ...]) -> Query:
    now = control.clock()
    if scope.bucket not in buckets:
        raise invalid("bucket", f"'--bucket' must be {', '.join(buckets)}; not '{shown(scope.bucket)}'.")
    since = parse_time("since", scope.since, now, _BUCKETS[scope.bucket])
    until = None if scope.until is None else parse_time("until", scope.until, now, 1)
    if since >= (now + 1 if until is None else until):
        raise invalid("since", "'--since' must be earlier than '--until', or than now.")
    return Query(
        organization_id=caller.organization_id,
        start_time=since,
        end_time=until,
        bucket_width=scope.bucket,
        group_by=_groups(scope.by, groups),
        project_ids=tuple(find_project(control, caller, text).id for text in scope.projects) or None,
        api_key_ids=tuple(find_key(control, caller, text).id for text in scope.keys) or None,
        models=tuple(scope.models) or None,
    )


def parse_time(param: str, text: str, now: int, align: int) -> int:
    """A moment in Unix seconds. A distance from now is rounded down to a multiple of `align`: the first period is whole."""
    if distance := re.fullmatch(r"([0-9]{1,6})([mhdw])", text):
        moment = max(now - int(distance[1]) * _UNITS[distance[2]], 0)
        return moment - moment % align
    if re.fullmatch(r"[0-9]{9,11}", text):
        return int(text)
    try:
        moment_at = datetime.fromisoformat(text)
    except ValueError:
        forms = "30m, 24h, 7d, 4w, 2026-01-31, 2026-01-31T12:00 (UTC) or Unix seconds"
        raise invalid(param, f"'--{param}' must be {forms}, not '{shown(text)}'.") from None
    return int((moment_at if moment_at.tzinfo else moment_at.replace(tzinfo=UTC)).timestamp())


def _groups(by: str, groups: dict[str, str]) -> tuple[str, ...]:
    words = [] if by in {"", "none"} else [word.strip() for word in by.split(",")]
    for word in words:
        if word not in groups and not word.startswith(PREFIX):
            known = f"{', '.join(groups)} and {PREFIX}NAME"
            raise invalid("by", f"'--by' must be any of {known}, or none; not '{shown(word)}'.")
    return tuple(dict.fromkeys(groups.get(word, word) for word in words))


# --- showing ---------------------------------------------------------------------------------------------------------


def _show(
    control: Control, caller: Caller, kinds: tuple[Kind, ...], query: Query, *, as_json: bool, as_csv: bool
) -> None:
    if as_json and as_csv:
        raise invalid("csv", "'--json' and '--csv' exclude each other.")
    buckets = usage.whole(control, caller, kinds, query)
    if as_json:
        typer.echo(usage.as_json(buckets).decode())
    elif as_csv:
        typer.echo(usage.as_csv(buckets, kinds), nl=False)
    else:
        names = usage.names(control, caller, buckets)
        for line in _report_lines(buckets, query, names, costs=COSTS in kinds):
            typer.echo(line)
        for line in _notes(buckets, usage.unpriced(control, caller, query)):
            typer.echo(line)


def _report_lines(buckets: Sequence[Bucket[Result]], query: Query, names: dict[str, str], *, costs: bool) -> list[str]:
    """The table: a line for each result, and their sums. Periods in which nothing happened are left out."""
    by_tag = [field for field in query.group_by if field.startswith(PREFIX)]
    others = [field for field in query.group_by if field not in by_tag]
    tags = [PREFIX + name for name in usage.tag_names(buckets) if PREFIX + name not in by_tag]
    heads = [*(_HEADS[field] for field in others), *by_tag, *tags]
    figures = ["Tokens", "Cost"] if costs else ["Kind", "Requests", "Input", "Cached", "Output"]
    if costs and "line_item" not in query.group_by:
        figures = ["Cost"]
    rows: list[list[str]] = []
    totals = [0] * 4
    for bucket in buckets:
        for result in bucket.results:
            labels = [_label(getattr(result, field), names) for field in others]
            labels += [_label(usage.tags_of(result).get(tag.removeprefix(PREFIX)), {}) for tag in (*by_tag, *tags)]
            cells, numbers = _figures(result)
            totals = [a + b for a, b in zip(totals, numbers, strict=True)]
            rows.append([_period(bucket.start_time, query.bucket_width), *labels, *cells[-len(figures) :]])
    if not rows:
        return ["Nothing was used in this time."]
    sums = [_amount(totals[0])] if costs else [f"{number:,}" for number in totals]
    blank = [""] * (len(heads) + len(figures) - len(sums))
    right = {"Tokens", "Cost", "Requests", "Input", "Cached", "Output"}
    return _aligned([["Period (UTC)", *heads, *figures], *rows, ["Total", *blank, *sums]], right)


_HEADS = {
    "api_key_id": "Key", "line_item": "Line item", "model": "Model", "project_id": "Project", "user_id": "User",
}  # fmt: skip


def _figures(result: Result) -> tuple[list[str], list[int]]:
    """The cells of a result, and the numbers that are summed up below."""
    if isinstance(result, CostsResult):
        cost = (
            "unpriced"
            if not result.amount_nanos and result.num_unpriced_requests
            else format_dollars(result.amount_nanos)
        )
        return [f"{result.quantity or 0:,}", cost], [result.amount_nanos, 0, 0, 0]
    cached = getattr(result, "input_cached_tokens", 0)
    output = getattr(result, "output_tokens", 0)
    kind = result.object.split(".")[2]
    numbers = [result.num_model_requests, result.input_tokens, cached, output]
    return [kind, *(f"{number:,}" for number in numbers)], numbers


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


def _notes(buckets: Iterable[Bucket[Result]], unpriced: dict[str, int]) -> list[str]:
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
