"""`keyhouse budgets`: set, listed, shown, increased and removed, in sentences where it is refused."""

from __future__ import annotations

import pytest

from tests.cli.terminal import Terminal
from tests.control.houses import DAY, NOW
from tests.store.makers import make_row


def test_a_budget_is_set_changed_shown_and_removed(terminal: Terminal) -> None:
    made = terminal.ok("budgets", "set", "monthly", "--amount", "100.00", "--per", "month", "--json").json
    assert (made["object"], made["amount"], made["level"], made["at_end"]) == (
        "organization.budget", "100", "organization", "refuse",
    )  # fmt: skip
    changed = terminal.ok(
        "budgets", "set", "monthly", "--amount", "0.000000001", "--at-end", "throttle", "--throttle", "3", "--json"
    ).json
    assert (changed["id"], changed["amount"], changed["throttle_requests_per_minute"]) == (made["id"], "0.000000001", 3)
    assert terminal.ok("budgets", "show", "monthly", "--json").json == changed
    assert terminal.ok("budgets", "show", made["id"], "--json").json == changed
    row = terminal.ok("budgets", "show", "monthly").out.splitlines()[1]
    assert "throttle to 3 a minute" in row
    assert "2027-02-01 00:00:00Z" in row
    assert f"Removed budget 'monthly' ({made['id']})." in terminal.ok("budgets", "remove", "monthly").err
    assert "No budget with id 'monthly'" in terminal.refused("budgets", "remove", "monthly")
    assert terminal.ok("budgets", "list", "--json").json == []


def test_budgets_belong_to_projects_and_keys_too(terminal: Terminal) -> None:
    terminal.ok("projects", "create", "Search")
    terminal.ok("keys", "create", "laptop")
    words = ("--amount", "5", "--per", "day")
    terminal.ok("budgets", "set", "daily", *words)
    project = terminal.ok("budgets", "set", "daily", *words, "--project", "Search", "--json").json
    key = terminal.ok("budgets", "set", "daily", *words, "--key", "laptop", "--json").json
    assert (project["level"], key["level"]) == ("project", "key")
    assert len(terminal.ok("budgets", "list", "--json").json) == 3
    assert terminal.ok("budgets", "list", "--project", "Search", "--json").json == [project]
    assert terminal.ok("budgets", "list", "--key", "laptop", "--json").json == [key]
    assert "names 3 budgets; use an id" in terminal.refused("budgets", "show", "daily")
    assert terminal.ok("budgets", "show", "daily", "--key", "laptop", "--json").json == key
    assert "No key with id 'laptop'" in terminal.refused(
        "budgets", "show", "daily", "--key", "laptop", "--project", "Search"
    )
    gone = terminal.ok("budgets", "remove", "daily", "--project", "Search", "--json").json
    assert gone == {"id": project["id"], "object": "organization.budget.deleted", "deleted": True}
    out = terminal.ok("budgets", "list").out
    assert f"key {key['scope_id']}" in out
    assert out.splitlines()[0].split()[:5] == ["ID", "NAME", "OF", "AMOUNT", "PER"]


def test_a_keys_spend_limit_is_its_budget_of_that_name(terminal: Terminal) -> None:
    terminal.ok("keys", "create", "laptop")
    terminal.ok("budgets", "set", "spend_limit", "--amount", "12.34", "--per", "month", "--key", "laptop")
    assert terminal.ok("keys", "show", "laptop", "--json").json["spend_limit"] == {
        "threshold_amount": 1234, "currency": "USD", "interval": "month",
    }  # fmt: skip


def test_what_is_spent_is_shown(terminal: Terminal) -> None:
    house = terminal.house
    terminal.ok("budgets", "set", "monthly", "--amount", "1", "--per", "month")
    facts = {"organization_id": house.caller.organization_id, "project_id": house.project_id}
    cost = {"cost_nanos": 1_250_000_000, "cost_input_nanos": 1_250_000_000, "cost_output_nanos": 0}
    house.store.ledger.append([make_row("req_1", admitted_at_us=NOW * 1_000_000, **facts, **cost)])
    shown = terminal.ok("budgets", "show", "monthly", "--json").json
    assert (shown["spent"], shown["remaining"]) == ("1.25", "0")
    assert " 1.25 " in terminal.ok("budgets", "list").out


def test_an_increase_lasts_as_long_as_it_is_said(terminal: Terminal) -> None:
    terminal.ok("budgets", "set", "monthly", "--amount", "100", "--per", "month")
    grown = terminal.ok("budgets", "increase", "monthly", "--by", "50.5", "--for", "3d", "--json").json
    assert (grown["amount_in_force"], grown["increase"]) == ("150.5", {"amount": "50.5", "until": NOW + 3 * DAY})
    assert "150.5 until 2027-01-18 08:00:00Z, then 100" in terminal.ok("budgets", "list").out
    ended = terminal.ok("budgets", "increase", "monthly", "--end", "--json").json
    assert (ended["amount_in_force"], ended["increase"]) == ("100", None)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["set", "a", "--per", "day"], "'amount' is required"),
        (["set", "a", "--amount", "5"], "'interval' is required"),
        (["set", "a", "--amount", "five", "--per", "day"], "an amount of US dollars such as 100.00"),
        (["set", "a", "--amount", "-5", "--per", "day"], "between 0 and 1,000,000,000 US dollars"),
        (["set", "a", "--amount", "1e12", "--per", "day"], "between 0 and 1,000,000,000 US dollars"),
        (["set", "a", "--amount", "5", "--per", "year"], 'one of "day", "week", "month", "total"'),
        (["set", "a", "--amount", "5", "--per", "day", "--at-end", "stop"], 'one of "refuse", "throttle", "alert"'),
        (["set", "a", "--amount", "5", "--per", "day", "--at-end", "throttle"], "is required where 'at_end' is"),
        (["set", "", "--amount", "5", "--per", "day"], "1 to 256 characters"),
        (["set", "a", "--amount", "5", "--per", "day", "--project", "x"], "No project with id 'x'"),
        (["set", "a", "--amount", "5", "--per", "day", "--key", "First admin key"], "No key with id 'First admin key'"),
        (["set", "monthly", "--per", "day"], "A budget's interval does not change"),
        (["increase", "monthly"], "Give '--by' and '--for', or '--end' alone"),
        (["increase", "monthly", "--by", "5"], "Give '--by' and '--for', or '--end' alone"),
        (["increase", "monthly", "--end", "--by", "5", "--for", "1d"], "Give '--by' and '--for', or '--end' alone"),
        (["increase", "monthly", "--by", "0", "--for", "1d"], "more than 0 US dollars"),
        (["increase", "monthly", "--by", "5", "--for", "0"], "in the future"),
        (["show", "nothing"], "No budget with id 'nothing'"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(terminal: Terminal, words: list[str], sentence: str) -> None:
    terminal.ok("budgets", "set", "monthly", "--amount", "100", "--per", "month")
    before = terminal.ok("budgets", "list", "--json").json
    assert sentence in terminal.refused("budgets", *words)
    assert terminal.ok("budgets", "list", "--json").json == before
