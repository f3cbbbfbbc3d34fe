"""`keyhouse budgets`: how much the organization, a project or a key may spend in a period, and what happens at the end of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from msgspec import UNSET

from keyhouse.cli import output, values
from keyhouse.cli.house import House, opened
from keyhouse.control import budget_objects, budgets, naming, objects
from keyhouse.control.budget_fields import BudgetFields
from keyhouse.control.pages import every
from keyhouse.control.standing import Standing, standings
from keyhouse.domain.budgets import FOREVER, Budget
from keyhouse.domain.errors import invalid
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.levels import Level

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Which = Annotated[str, typer.Argument(metavar="BUDGET", help="The budget's id, or its name where only one has it.")]
Project = Annotated[str | None, typer.Option(help="A project, by id or name.")]
Key = Annotated[str | None, typer.Option(help="A key, by id or name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]

_CALLERS = (KeyKind.USER, KeyKind.SERVICE_ACCOUNT)


@app.command("list")
def list_(ctx: typer.Context, *, project: Project = None, key: Key = None, as_json: AsJson = False) -> None:
    """Lists budgets with what is spent of them: all, or those of a project or a key alone."""
    with opened(ctx) as house:
        project_id, key_id = _scope(house, project, key)
        found = list(
            every(
                lambda cut: budgets.list_page(
                    house.control,
                    house.caller,
                    level=Level.PROJECT.value if project_id is not None and key_id is None else None,
                    project_id=project_id,
                    key_id=key_id,
                    after=cut.after,
                    limit=cut.limit,
                ),
                lambda budget: budget.id,
            )
        )
        _print(house, found, as_json=as_json, many=True)


@app.command("set")
def set_(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the budget is called; 'spend_limit' is OpenAI's.")],
    *,
    amount: Annotated[str | None, typer.Option(metavar="USD", help="US dollars, such as 100.00.")] = None,
    project: Project = None,
    key: Key = None,
    per: Annotated[str | None, typer.Option(help="The period: day, week, month or total (UTC).")] = None,
    at_end: Annotated[
        str | None, typer.Option(help="What happens at its end: refuse (if not given), throttle or alert.")
    ] = None,
    throttle: Annotated[int | None, typer.Option(help="Calls a minute once it is spent, where it throttles.")] = None,
    as_json: AsJson = False,
) -> None:
    """Creates a budget of the organization, a project or a key, or changes the one that has this name there."""
    given = BudgetFields(
        name=name,
        amount=UNSET if amount is None else amount,
        interval=UNSET if per is None else per,
        at_end=UNSET if at_end is None else at_end,
        throttle_requests_per_minute=UNSET if throttle is None else throttle,
    )
    with opened(ctx) as house:
        project_id, key_id = _scope(house, project, key)
        budget = budgets.put(house.control, house.caller, given, project_id=project_id, key_id=key_id)
        _print(house, [budget], as_json=as_json)


@app.command()
def show(
    ctx: typer.Context, budget: Which, *, project: Project = None, key: Key = None, as_json: AsJson = False
) -> None:
    """Shows a budget and what is spent of it."""
    with opened(ctx) as house:
        _print(house, [_find(house, budget, project, key)], as_json=as_json)


@app.command()
def remove(
    ctx: typer.Context, budget: Which, *, project: Project = None, key: Key = None, as_json: AsJson = False
) -> None:
    """Removes a budget: calls are no longer held to it."""
    with opened(ctx) as house:
        removed = budgets.remove(house.control, house.caller, _find(house, budget, project, key).id)
    if as_json:
        output.json(objects.deleted("organization.budget", removed.id))
    else:
        output.say(f"Removed budget '{removed.name}' ({removed.id}).")


@app.command()
def increase(
    ctx: typer.Context,
    budget: Which,
    *,
    by: Annotated[str | None, typer.Option(metavar="USD", help="US dollars more, such as 50.00.")] = None,
    for_: Annotated[str | None, typer.Option("--for", help="How long: 12h, 3d, 2w.")] = None,
    end: Annotated[bool, typer.Option("--end", help="End the increase that is in force.")] = False,
    project: Project = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Adds to a budget for some time."""
    if end == (by is not None or for_ is not None) or (by is None) != (for_ is None):
        raise invalid("--by", "Give '--by' and '--for', or '--end' alone.")
    seconds = 0 if for_ is None else values.duration(for_, "--for")
    with opened(ctx) as house:
        found = _find(house, budget, project, key)
        if end:
            changed = budgets.update(house.control, house.caller, found.id, BudgetFields(increase=None))
        else:
            until = house.control.clock() + seconds
            changed = budgets.grant_increase(house.control, house.caller, found.id, by, until)
        _print(house, [changed], as_json=as_json)


def _scope(house: House, project: str | None, key: str | None) -> tuple[str | None, str | None]:
    """(project id, key id) of what is meant; a key may be looked for in one project."""
    project_id = None if project is None else naming.find_project(house.control, house.caller, project).id
    if key is None:
        return project_id, None
    return project_id, naming.find_key(house.control, house.caller, key, project_id=project_id, kinds=_CALLERS).id


def _find(house: House, budget: str, project: str | None, key: str | None) -> Budget:
    project_id, key_id = _scope(house, project, key)
    return budgets.find(house.control, house.caller, budget, project_id=project_id, key_id=key_id)


_HEADS = ("ID", "NAME", "OF", "AMOUNT", "PER", "AT END", "SPENT", "BEGINS ANEW")


def _print(house: House, found: Sequence[Budget], *, as_json: bool, many: bool = False) -> None:
    now, stands = house.control.clock(), standings(house.control, found)
    if as_json:
        shapes = [budget_objects.budget(budget, stands[budget.id], now) for budget in found]
        output.json(shapes if many else shapes[0])
    else:
        output.table(_HEADS, [_row(budget, stands[budget.id], now) for budget in found])


def _row(budget: Budget, standing: Standing, now: int) -> list[str | None]:
    of = budget.level.value if budget.level is Level.ORGANIZATION else f"{budget.level.value} {budget.scope_id}"
    amount, in_force = objects.dollars(budget.amount_nanos), budget.amount_at(now)
    if in_force != budget.amount_nanos:
        amount = f"{objects.dollars(in_force)} until {output.moment(budget.increase_until)}, then {amount}"
    at_end = budget.at_end.value
    if budget.throttle_per_minute is not None:
        at_end = f"{at_end} to {budget.throttle_per_minute:,} a minute"
    end = standing.period.end
    anew = None if end == FOREVER else output.moment(end)
    spent = objects.dollars(standing.spent_nanos)
    return [budget.id, budget.name, of, amount, budget.interval.value, at_end, spent, anew]
