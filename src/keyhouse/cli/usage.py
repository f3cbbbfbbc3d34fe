"""`keyhouse usage` and `keyhouse costs`: the reports of the administration API, as tables, JSON or CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer

from keyhouse.cli.usage_tables import notes, report_lines
from keyhouse.control import usage
from keyhouse.control.context import Caller, Control
from keyhouse.control.naming import find_key, find_project
from keyhouse.control.usage import CALLS, COSTS, USAGE, Kind, Query, Result
from keyhouse.domain.errors import invalid, shown
from keyhouse.domain.tags import PREFIX

House = Callable[[], AbstractContextManager[tuple[Control, Caller]]]
"""Opens the house for one command, on behalf of the operator."""

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_BUCKETS = {"1m": 60, "1h": 3600, "1d": 86_400}
_KINDS = {"all": CALLS, **{kind.name: (kind,) for kind in USAGE}}
_GROUPS = {"key": "api_key_id", "model": "model", "project": "project_id", "user": "user_id"}
_OTHER_GROUPS = ("size", "source", "context_level", "vector_store_id")

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
UsageBy = Annotated[
    str | None,
    typer.Option(
        "--by",
        "--group-by",
        help="What to tell apart: any of project, key, model, user and tag:NAME, with commas; or none. Some reports also "
        "have size, source, context_level or vector_store_id. Unless told: model, where the report has it.",
    ),
]
Width = Annotated[str, typer.Option("--bucket", help="The width of a line's period: 1m, 1h or 1d.")]
Projects = Annotated[list[str] | None, typer.Option("--project", help="Only this project, by id or name; repeatable.")]
Keys = Annotated[list[str] | None, typer.Option("--key", help="Only this key, by id or name; repeatable.")]
Models = Annotated[list[str] | None, typer.Option("--model", help="Only this model; repeatable.")]
Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source", help="Only images of this source: image.generation, image.edit or image.variation; repeatable."
    ),
]
Sizes = Annotated[
    list[str] | None, typer.Option("--size", help="Only images of this size, such as 512x512; repeatable.")
]
Levels = Annotated[
    list[str] | None,
    typer.Option("--context-level", help="Only web searches of this level: low, medium or high; repeatable."),
]
VectorStores = Annotated[
    list[str] | None, typer.Option("--vector-store", help="Only searches of this vector store, by id; repeatable.")
]
Reported = Annotated[
    str,
    typer.Argument(metavar="[KIND]", help=f"Which report: {', '.join(kind.name for kind in USAGE)}, or all of calls."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON, in the shape of the API.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the report as CSV.")]


def register(app: typer.Typer, house: House) -> None:
    """Adds both commands to the program."""

    @app.command("usage")
    def usage_command(
        kind: Reported = "all",
        *,
        since: Since = "7d",
        until: Until = None,
        by: UsageBy = None,
        bucket: Width = "1d",
        project: Projects = None,
        key: Keys = None,
        model: Models = None,
        source: Sources = None,
        size: Sizes = None,
        context_level: Levels = None,
        vector_store: VectorStores = None,
        as_json: AsJson = False,
        as_csv: AsCsv = False,
    ) -> None:
        """Shows what calls used: requests and tokens."""
        if kind not in _KINDS:
            raise invalid("kind", f"KIND must be {', '.join(_KINDS)}, not '{shown(kind)}'.")
        kinds = _KINDS[kind]
        filters = Filters(key or [], model or [], source or [], size or [], context_level or [], vector_store or [])
        with house() as (control, caller):
            scope = Scope(since, until, _default_by(kinds) if by is None else by, bucket, project or [], filters)
            query = _query(control, caller, scope, _groups_of(kinds), ("1m", "1h", "1d"))
            _require_filters(kinds, query)
            _show(control, caller, kinds, query, as_json=as_json, as_csv=as_csv)

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
            scope = Scope(since, until, by, bucket, project or [], Filters(key or []))
            query = _query(control, caller, scope, _GROUPS | {"model": "line_item"}, ("1d",))
            _show(control, caller, (COSTS,), query, as_json=as_json, as_csv=as_csv)


class Filters(NamedTuple):
    """The filters that not every report has, as they were typed."""

    keys: Sequence[str] = ()
    models: Sequence[str] = ()
    sources: Sequence[str] = ()
    sizes: Sequence[str] = ()
    context_levels: Sequence[str] = ()
    vector_stores: Sequence[str] = ()


class Scope(NamedTuple):
    """The options of a command that say what is to be shown, as they were typed."""

    since: str
    until: str | None
    by: str
    bucket: str
    projects: Sequence[str]
    filters: Filters


def _groups_of(kinds: Sequence[Kind[Result]]) -> dict[str, str]:
    """The fields that all of these reports group by, by the words of the command line."""
    words = _GROUPS | {name: name for name in _OTHER_GROUPS}
    return {word: field for word, field in words.items() if all(field in kind.group_by for kind in kinds)}


def _default_by(kinds: Sequence[Kind[Result]]) -> str:
    return "model" if "model" in _groups_of(kinds) else "none"


def _require_filters(kinds: Sequence[Kind[Result]], query: Query) -> None:
    """A filter that a report does not have is refused: it must not mean everything."""
    for option, field in _FILTERS.items():
        for kind in kinds:
            if getattr(query, field) is not None and field not in kind.filters:
                raise invalid(option, f"'--{option}' is no filter of the report of {kind.name}.")


_FILTERS = {
    "key": "api_key_ids", "model": "models", "source": "sources", "size": "sizes", "context-level": "context_levels",
    "vector-store": "vector_store_ids",
}  # fmt: skip


def _query(control: Control, caller: Caller, scope: Scope, groups: dict[str, str], buckets: tuple[str, ...]) -> Query:
    now = control.clock()
    if scope.bucket not in buckets:
        raise invalid("bucket", f"'--bucket' must be {', '.join(buckets)}; not '{shown(scope.bucket)}'.")
    since = parse_time("since", scope.since, now, _BUCKETS[scope.bucket])
    until = None if scope.until is None else parse_time("until", scope.until, now, 1)
    if since >= (now + 1 if until is None else until):
        raise invalid("since", "'--since' must be earlier than '--until', or than now.")
    filters = scope.filters
    return Query(
        organization_id=caller.organization_id,
        start_time=since,
        end_time=until,
        bucket_width=scope.bucket,
        group_by=_groups(scope.by, groups),
        project_ids=tuple(find_project(control, caller, text).id for text in scope.projects) or None,
        api_key_ids=tuple(find_key(control, caller, text).id for text in filters.keys) or None,
        models=tuple(filters.models) or None,
        sources=tuple(filters.sources) or None,
        sizes=tuple(filters.sizes) or None,
        context_levels=tuple(filters.context_levels) or None,
        vector_store_ids=tuple(filters.vector_stores) or None,
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
    control: Control, caller: Caller, kinds: tuple[Kind[Result], ...], query: Query, *, as_json: bool, as_csv: bool
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
        for line in report_lines(buckets, kinds, query, names):
            typer.echo(line)
        shown_unpriced = any(usage.unpriced_in(result) for bucket in buckets for result in bucket.results)
        for line in notes(buckets, usage.unpriced(control, caller, query) if shown_unpriced else {}):
            typer.echo(line)
