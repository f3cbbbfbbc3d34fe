"""The program `keyhouse`: its commands, and the border at which whatever goes wrong becomes one line and an exit code.

Exit codes: 0 done, 1 refused (a sentence on stderr), 2 the command line itself is wrong.
"""

from __future__ import annotations

import logging
from typing import Any

import typer

from keyhouse.cli.house import Doors, Session
from keyhouse.cli.lazy import Data, Entry, LazyGroup, Organization
from keyhouse.domain.errors import KeyhouseError

_log = logging.getLogger("keyhouse.cli")

ENTRIES = {
    "init": Entry(
        "first", "Create the data directory, an organization, its owner and the first keys.", group=False, inside=False
    ),
    "up": Entry("first", "Run the gateway and the administration API.", group=False, inside=False),
    "keys": Entry("keys", "The life of API keys."),
    "organizations": Entry("organizations", "The organizations of the house.", inside=False),
    "projects": Entry("projects", "Projects."),
    "people": Entry("people", "Who is in the organization and in its projects."),
    "invites": Entry("invites", "People who may join, by a link."),
    "groups": Entry("groups", "People who hold roles together."),
    "service-accounts": Entry("service_accounts", "Service accounts: callers that are no person."),
    "roles": Entry("roles", "Roles: what may be done, bundled under a name."),
    "upstreams": Entry("upstreams", "Where requests go."),
    "prices": Entry("prices", "What models cost, in US dollars per million tokens."),
    "limits": Entry("limits", "Rate limits of models, and requests for more."),
    "budgets": Entry("budgets", "How much may be spent, and what happens at the end of it."),
    "alerts": Entry("alerts", "Who is told when spending reaches a threshold."),
    "notices": Entry("notices", "What alerts have sent, and the secret of webhooks."),
    "usage": Entry("usage", "What calls used: requests and tokens.", group=False),
    "costs": Entry("usage", "What calls cost, in US dollars.", group=False),
    "invoices": Entry("invoices", "Invoices by month, and what they state."),
    "credit": Entry("credit", "Prepaid credit: grants and what is left."),
    "certificates": Entry("certificates", "Client certificates, and where calls must show one."),
    "retention": Entry("retention", "Data retention: whether anything that calls hold is kept."),
    "audit": Entry("audit", "Who did what."),
    "backup": Entry("backup", "Copy a house, running or not, into one file.", group=False, inside=False),
    "restore": Entry("backup", "Fill an empty data directory from a backup.", group=False, inside=False),
    "doctor": Entry("doctor", "What is wrong with this installation.", group=False, inside=False),
}


def build(doors: Doors) -> typer.Typer:
    """The program, entering houses by these doors. Call it to run the command line of this process."""
    app = typer.Typer(
        cls=_Program,
        name="keyhouse",
        help="Your own API-key platform, in front of any model that speaks OpenAI's API.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"obj": Session(doors), "help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    return app


def _root(data: Data = None, organization: Organization = None) -> None:
    """Your own API-key platform, in front of any model that speaks OpenAI's API."""


class _Program(LazyGroup):
    entries = ENTRIES

    def invoke(self, ctx: Any) -> Any:
        refusals = ctx.obj.doors.refusals
        try:
            return super().invoke(ctx)
        except (KeyhouseError, *refusals) as error:
            typer.echo(f"keyhouse: {error}", err=True)
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
            raise
        except Exception as error:  # the border of the command line: nobody above could say anything better
            _log.exception("a command failed")
            typer.echo(
                f"keyhouse: this is a fault of Keyhouse ({type(error).__name__}); the log has the details.", err=True
            )
        raise typer.Exit(1)
