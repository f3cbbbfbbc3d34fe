"""`keyhouse limits`: rate limits of models in a project or the whole organization, and requests for more."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec import UNSET

from keyhouse.cli import limit_words, output, values
from keyhouse.cli.house import House, opened
from keyhouse.cli.limit_words import (
    AudioPerMinute,
    BatchPerDay,
    ImagesPerMinute,
    RequestsPerDay,
    RequestsPerMinute,
    TokensPerMinute,
)
from keyhouse.control import budgets, increases, limits, naming, objects
from keyhouse.control.increase_fields import IncreaseFields
from keyhouse.control.limit_fields import LimitFields
from keyhouse.control.limit_objects import increase_request, rate_limit
from keyhouse.control.limits import LimitView
from keyhouse.control.pages import every
from keyhouse.domain.errors import invalid
from keyhouse.domain.increases import IncreaseRequest, IncreaseStatus

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Project = Annotated[str | None, typer.Option(help="A project, by id or name. The Default project, if not given.")]
Whole = Annotated[bool, typer.Option("--all-projects", help="All projects together.")]
Which = Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")]
For = Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long, from now: 12h, 30d; or good.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]


@app.command("list")
def list_(ctx: typer.Context, *, project: Project = None, all_projects: Whole = False, as_json: AsJson = False) -> None:
    """Lists the rate limits in force of every model that is known."""
    with opened(ctx) as house:
        place = _place(house, project, whole=all_projects)
        rows = every(
            lambda cut: limits.list_page(house.control, house.caller, place, after=cut.after, limit=cut.limit),
            lambda row: row.rule.id,
        )
        _print(list(rows), as_json=as_json)


@app.command("set")
def set_(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The name that calls ask for; no glob.")],
    *,
    project: Project = None,
    all_projects: Whole = False,
    requests_per_minute: RequestsPerMinute = None,
    tokens_per_minute: TokensPerMinute = None,
    images_per_minute: ImagesPerMinute = None,
    audio_per_minute: AudioPerMinute = None,
    requests_per_day: RequestsPerDay = None,
    batch_per_day: BatchPerDay = None,
    as_json: AsJson = False,
) -> None:
    """Sets the limits that are given of a model; the others stay."""
    given = limit_words.numbers(
        requests_per_minute, tokens_per_minute, images_per_minute, audio_per_minute, requests_per_day, batch_per_day
    )
    with opened(ctx) as house:
        place = _place(house, project, whole=all_projects)
        done = limits.set_model(house.control, house.caller, place, model, LimitFields(**given))
    if as_json:
        output.json(rate_limit(done))
    else:
        _print([done], as_json=False)


@app.command()
def request(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="The model whose limits are too low.")] = None,
    *,
    reason: Annotated[str, typer.Option(help="Why more is needed.")],
    project: Project = None,
    all_projects: Whole = False,
    requests_per_minute: RequestsPerMinute = None,
    tokens_per_minute: TokensPerMinute = None,
    images_per_minute: ImagesPerMinute = None,
    audio_per_minute: AudioPerMinute = None,
    requests_per_day: RequestsPerDay = None,
    batch_per_day: BatchPerDay = None,
    budget: Annotated[str | None, typer.Option(help="Instead of a model: a budget, by id or name.")] = None,
    amount: Annotated[str | None, typer.Option(metavar="USD", help="What to add to the budget.")] = None,
    for_: For = None,
    as_json: AsJson = False,
) -> None:
    """Asks for higher limits of a model, or for more money in a budget."""
    wanted = limit_words.numbers(
        requests_per_minute, tokens_per_minute, images_per_minute, audio_per_minute, requests_per_day, batch_per_day
    )
    with opened(ctx) as house:
        of_budget = budget is not None
        place = None if of_budget and project is None else _place(house, project, whole=all_projects)
        given = IncreaseFields(
            reason=reason,
            project_id=place,
            model=UNSET if model is None else model,
            rate_limits=UNSET if of_budget and not wanted else wanted,
            budget_id=UNSET if budget is None else budgets.find(house.control, house.caller, budget).id,
            amount=UNSET if amount is None else amount,
            until=_until(house, for_),
        )
        _print_request(increases.request(house.control, house.caller, given), as_json=as_json)


@app.command()
def requests(
    ctx: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only those that are open, granted or denied.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists requests for more, oldest first."""
    if status not in {None, *(member.value for member in IncreaseStatus)}:
        raise invalid("--status", "'--status' must be open, granted or denied.")
    with opened(ctx) as house:
        found = every(
            lambda cut: increases.list_page(
                house.control, house.caller, status=status, after=cut.after, limit=cut.limit
            ),
            lambda item: item.id,
        )
        _print_requests(list(found), as_json=as_json)


@app.command()
def grant(ctx: typer.Context, request: Which, *, for_: For = None, as_json: AsJson = False) -> None:
    """Puts a request in force, until it wants to end unless --for is given."""
    with opened(ctx) as house:
        _print_request(
            increases.grant(house.control, house.caller, request, until=_until(house, for_)), as_json=as_json
        )


@app.command()
def deny(ctx: typer.Context, request: Which, as_json: AsJson = False) -> None:
    """Turns a request down."""
    with opened(ctx) as house:
        _print_request(increases.deny(house.control, house.caller, request), as_json=as_json)


def _place(house: House, project: str | None, *, whole: bool) -> str | None:
    """The project's id; None for the organization."""
    if whole and project is not None:
        raise invalid("--all-projects", "'--project' and '--all-projects' exclude each other.")
    if whole:
        return None
    if project is None:
        return naming.default_project(house.control, house.caller).id
    return naming.find_project(house.control, house.caller, project).id


def _until(house: House, for_: str | None) -> object:
    if for_ is None:
        return UNSET
    return None if for_ == "good" else house.control.clock() + values.duration(for_, "--for")


def _print(rows: list[LimitView], *, as_json: bool) -> None:
    if as_json:
        output.json([rate_limit(row) for row in rows])
        return
    heads = ("MODEL", *limit_words.HEADS, "INCREASED UNTIL")
    output.table(heads, [_row(row) for row in rows])


def _row(row: LimitView) -> list[str | None]:
    ends = output.moment(row.rule.increase_until) if row.increased else None
    return [row.rule.model, *limit_words.cells(row.in_force.given), ends]


def _print_request(item: IncreaseRequest, *, as_json: bool) -> None:
    if as_json:
        output.json(increase_request(item))
    else:
        _print_requests([item], as_json=False)


def _print_requests(found: list[IncreaseRequest], *, as_json: bool) -> None:
    if as_json:
        output.json([increase_request(item) for item in found])
        return
    heads = ("ID", "FOR", "IN", "WANTED", "UNTIL", "STATUS", "ASKED", "REASON")
    output.table(heads, [_request_row(item) for item in found])


def _request_row(item: IncreaseRequest) -> list[str | None]:
    wanted = limit_words.sentence(item.limits.given)
    if item.amount_nanos is not None:
        wanted = f"{objects.dollars(item.amount_nanos)} USD more"
    moments = output.moment(item.until), item.status.value, output.moment(item.created_at)
    return [item.id, item.model or item.budget_id, item.scope_id, wanted, *moments, item.reason]
