"""`keyhouse alerts`."""

from __future__ import annotations

import pytest

from tests.cli.terminal import Terminal

GIVEN = ["--cents", "5000", "--mail", "alice@example.com", "--mail", "bob@example.com"]


@pytest.mark.parametrize("place", [[], ["--project", "Default project"]], ids=["organization", "project"])
def test_an_alert_lives(terminal: Terminal, place: list[str]) -> None:
    made = terminal.ok(
        "alerts",
        "create",
        *GIVEN,
        "--subject-prefix",
        "Spent",
        "--webhook",
        "https://example.com/hook",
        *place,
        "--json",
    ).json
    channel = {"type": "email", "recipients": ["alice@example.com", "bob@example.com"], "subject_prefix": "Spent"}
    assert (made["threshold_amount"], made["notification_channel"]) == (5000, channel)
    assert terminal.ok("alerts", "show", made["id"], *place, "--json").json == made
    assert terminal.ok("alerts", "list", *place, "--json").json == [made]
    shown = terminal.ok("alerts", "list", *place).out
    assert "50.00" in shown
    assert "bob@example.com" in shown
    update = ["alerts", "update", made["id"], "--cents", "1", "--mail", "eve@example.com", *place, "--json"]
    changed = terminal.ok(*update).json
    assert (changed["threshold_amount"], changed["webhook_url"]) == (1, "https://example.com/hook")
    assert made["id"] in terminal.ok("alerts", "remove", made["id"], *place).err
    assert terminal.ok("alerts", "list", *place, "--json").json == []
    assert made["id"] in terminal.refused("alerts", "show", made["id"], *place)


def test_what_makes_no_alert_is_refused(terminal: Terminal) -> None:
    assert terminal.type("alerts", "create", "--cents", "5").code == 2
    assert "'nobody'" in terminal.refused("alerts", "create", "--cents", "5", "--mail", "nobody")
    assert "threshold_amount" in terminal.refused("alerts", "create", "--cents", "-1", "--mail", "a@example.com")
    assert "proj_none" in terminal.refused("alerts", "create", *GIVEN, "--project", "proj_none")
