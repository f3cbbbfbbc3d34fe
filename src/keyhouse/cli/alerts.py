"""`keyhouse alerts`: who is told when a month's spending reaches a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from keyhouse.cli import output
from keyhouse.cli.house import House, opened
from keyhouse.control import budget_objects, naming, spend_alerts
from keyhouse.control.fields import UNSET
from keyhouse.control.pages import every
from keyhouse.domain.spend_alerts import SpendAlert

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

Which = Annotated[str, typer.Argument(metavar="ALERT", help="The alert's id.")]
Project = Annotated[str | None, typer.Option(help="A project, by id or name; the organization is meant without.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]
Cents = Annotated[int, typer.Option("--cents", metavar="N", help="The threshold, in cents of a US dollar.")]
Recipients = Annotated[list[str], typer.Option("--mail", metavar="ADDRESS", help="Whom to tell; repeatable.")]
Prefix = Annotated[str | None, typer.Option(metavar="TEXT", help="What the mails' subject begins with.")]
Webhook = Annotated[str | None, typer.Option("--webhook", metavar="URL", help="A URL that is told as well.")]


@app.command("list")
def list_(ctx: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """Lists the alerts of the organization or of a project, oldest first."""
    with opened(ctx) as house:
        project_id = _project_id(house, project)
        found = list(
            every(
                lambda cut: spend_alerts.list_page(
                    house.control, house.caller, project_id, after=cut.after, limit=cut.limit
                ),
                lambda alert: alert.id,
            )
        )
    _print(found, as_json=as_json, many=True)


@app.command()
def create(
    ctx: typer.Context,
    *,
    cents: Cents,
    mail: Recipients,
    subject_prefix: Prefix = None,
    webhook: Webhook = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Creates an alert."""
    given = _fields(cents, mail, subject_prefix, webhook)
    with opened(ctx) as house:
        made = spend_alerts.create(house.control, house.caller, _project_id(house, project), given)
    _print([made], as_json=as_json)


@app.command()
def show(ctx: typer.Context, alert: Which, project: Project = None, as_json: AsJson = False) -> None:
    """Shows an alert."""
    with opened(ctx) as house:
        found = spend_alerts.show(house.control, house.caller, _project_id(house, project), alert)
    _print([found], as_json=as_json)


@app.command()
def update(
    ctx: typer.Context,
    alert: Which,
    *,
    cents: Cents,
    mail: Recipients,
    subject_prefix: Prefix = None,
    webhook: Webhook = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Replaces what an alert says; its webhook stays, if none is given."""
    given = _fields(cents, mail, subject_prefix, webhook)
    with opened(ctx) as house:
        changed = spend_alerts.update(house.control, house.caller, _project_id(house, project), alert, given)
    _print([changed], as_json=as_json)


@app.command()
def remove(ctx: typer.Context, alert: Which, project: Project = None, as_json: AsJson = False) -> None:
    """Removes an alert."""
    with opened(ctx) as house:
        gone = spend_alerts.remove(house.control, house.caller, _project_id(house, project), alert)
    if as_json:
        output.json(budget_objects.spend_alert(gone))
    output.say(f"Removed alert {gone.id}.")


def _project_id(house: House, project: str | None) -> str | None:
    return None if project is None else naming.find_project(house.control, house.caller, project).id


def _fields(cents: int, mail: Sequence[str], prefix: str | None, webhook: str | None) -> dict[str, object]:
    channel: dict[str, object] = {"type": "email", "recipients": mail}
    return {
        "threshold_amount": cents,
        "currency": "USD",
        "interval": "month",
        "notification_channel": channel if prefix is None else {**channel, "subject_prefix": prefix},
        "webhook_url": UNSET if webhook is None else webhook,
    }


def _print(alerts: Sequence[SpendAlert], *, as_json: bool, many: bool = False) -> None:
    shapes: list[Any] = [budget_objects.spend_alert(alert) for alert in alerts]
    if as_json:
        output.json(shapes if many else shapes[0])
        return
    rows = [
        [
            one["id"],
            f"{one['threshold_amount'] / 100:.2f}",
            ", ".join(one["notification_channel"]["recipients"]),
            one["webhook_url"],
        ]
        for one in shapes
    ]
    output.table(("ID", "USD A MONTH", "MAIL", "WEBHOOK"), rows)
