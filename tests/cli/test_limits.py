"""`keyhouse limits`, and `--rate-limit` of keys."""

from __future__ import annotations

import pytest

from keyhouse.control import budgets
from keyhouse.control.budget_fields import BudgetFields
from keyhouse.domain.limits import NO_LIMIT
from tests.cli.terminal import Terminal
from tests.control.houses import DAY, NOW

RPM, TPM = "max_requests_per_1_minute", "max_tokens_per_1_minute"
FIVE = (
    "requests-per-minute=1,tokens-per-minute=2,images-per-minute=3,audio-megabytes-per-minute=0,requests-per-day=5000"
)


def test_limits_are_set_listed_and_lifted(terminal: Terminal) -> None:
    words = ["limits", "set", "gpt-4o", "--requests-per-minute", "60", "--batch-input-tokens-per-day", "1000000"]
    made = terminal.ok(*words, "--json").json
    assert (made["object"], made[RPM], made["batch_1_day_max_input_tokens"]) == ("project.rate_limit", 60, 1_000_000)
    assert terminal.ok("limits", "list", "--json").json == [made]
    shown = terminal.ok("limits", "list").out
    assert "gpt-4o" in shown
    assert "1,000,000" in shown
    more = terminal.ok("limits", "set", "gpt-4o", "--tokens-per-minute", "0", "--requests-per-minute", "none", "--json")
    assert (more.json[TPM], more.json[RPM]) == (0, NO_LIMIT)
    assert "gpt-4o" in terminal.ok("limits", "set", "gpt-4o", "--images-per-minute", "7").out


def test_places_are_named_by_id_or_name(terminal: Terminal) -> None:
    search = terminal.ok("projects", "create", "Search", "--json").json
    for place, number in (("Search", "1"), (search["id"], "2")):
        terminal.ok("limits", "set", "gpt-4o", "--project", place, "--requests-per-minute", number)
    assert [row[RPM] for row in terminal.ok("limits", "list", "--project", "Search", "--json").json] == [2]
    whole = terminal.ok("limits", "set", "gpt-4o", "--all-projects", "--requests-per-minute", "9", "--json").json
    assert whole["object"] == "organization.rate_limit"
    assert terminal.ok("limits", "list", "--all-projects", "--json").json == [whole]
    assert terminal.ok("limits", "list", "--json").json == []
    assert "exclude each other" in terminal.refused("limits", "list", "--all-projects", "--project", "Search")
    assert "No project" in terminal.refused("limits", "list", "--project", "Nowhere")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["gpt-4o"], "Give at least one limit"),
        (["gpt-*", "--requests-per-minute", "5"], "not a glob"),
        (["gpt-4o", "--requests-per-minute", "2147483648"], "between 0 and 2,147,483,647"),
        (["gpt-4o", "--requests-per-minute=-5"], "must be a whole number or none, not '-5'"),
        (["gpt-4o", "--requests-per-minute", "1.5"], "must be a whole number or none, not '1.5'"),
        (["gpt-4o", "--requests-per-minute", "٣"], "must be a whole number or none"),
        (["gpt-4o", "--requests-per-minute", ""], "must be a whole number or none"),
        (["gpt-4o", "--requests-per-minute", "9" * 5000], "must be a whole number or none"),
    ],
    ids=lambda v: str(v)[:50],
)
def test_bad_limits_are_refused_with_a_sentence(terminal: Terminal, words: list[str], sentence: str) -> None:
    assert sentence in terminal.refused("limits", "set", *words)


def test_more_is_asked_for_and_granted_for_a_time(terminal: Terminal) -> None:
    terminal.ok("limits", "set", "gpt-4o", "--requests-per-minute", "10")
    words = ["limits", "request", "gpt-4o", "--requests-per-minute", "50", "--reason", "Launch"]
    asked = terminal.ok(*words, "--for", "7d", "--json").json
    assert (asked["status"], asked["until"], asked["rate_limits"]) == ("open", NOW + 7 * DAY, {RPM: 50})
    shown = terminal.ok("limits", "requests", "--status", "open").out
    assert "50 requests per minute" in shown
    assert terminal.ok("limits", "grant", asked["id"], "--for", "1d", "--json").json["until"] == NOW + DAY
    assert "2027-01-16 08:00:00Z" in terminal.ok("limits", "list").out
    assert terminal.ok("limits", "list", "--json").json[0][RPM] == 50
    terminal.house.clock.now += DAY
    assert terminal.ok("limits", "list", "--json").json[0][RPM] == 10
    stays = terminal.ok(*words, "--for", "1d", "--json").json
    assert terminal.ok("limits", "grant", stays["id"], "--for", "good", "--json").json["until"] is None
    assert terminal.ok("limits", "list", "--json").json[0][RPM] == 50
    assert "granted already" in terminal.refused("limits", "deny", stays["id"])
    assert [item["id"] for item in terminal.ok("limits", "requests", "--json").json] == [asked["id"], stays["id"]]


def test_more_money_is_asked_for_and_denied(terminal: Terminal) -> None:
    house = terminal.house
    given = BudgetFields(name="month", amount="100", interval="month")
    budgets.create(house.control, house.caller, given)
    words = ["limits", "request", "--budget", "month", "--amount", "12.50", "--reason", "Launch"]
    assert "'until' is required for a budget" in terminal.refused(*words)
    shown = terminal.ok(*words, "--for", "1d").out
    assert "12.5 USD more" in shown
    asked = terminal.ok("limits", "requests", "--json").json[0]
    assert terminal.ok("limits", "deny", asked["id"], "--json").json["status"] == "denied"
    assert "No budget" in terminal.refused(*words[:2], "--budget", "week", *words[4:])
    assert "does not go with 'budget_id'" in terminal.refused(*words, "gpt-4o", "--for", "1d")
    assert "Name what is to be increased" in terminal.refused("limits", "request", "--reason", "Launch")


def test_requests_are_of_three_states(terminal: Terminal) -> None:
    assert "must be open, granted or denied" in terminal.refused("limits", "requests", "--status", "pending")
    assert terminal.ok("limits", "requests", "--status", "denied", "--json").json == []
    assert "No increase request with id" in terminal.refused("limits", "grant", "increase_none")


def test_a_key_is_limited_from_the_terminal(terminal: Terminal) -> None:
    made = terminal.ok("keys", "create", "laptop", "--rate-limit", FIVE, "--json").json
    assert list(made["rate_limits"].values()) == [1, 2, 3, 0, 5000]
    said = terminal.ok("keys", "show", "laptop").err
    assert "Rate limits: 1 requests per minute, 2 tokens per minute" in said
    changed = terminal.ok("keys", "update", "laptop", "--rate-limit", "requests-per-minute=9", "--json").json
    assert changed["rate_limits"] == {RPM: 9}
    assert terminal.ok("keys", "update", "laptop", "--name", "desk", "--json").json["rate_limits"] == {RPM: 9}
    assert terminal.ok("keys", "update", "desk", "--rate-limit", "none", "--json").json["rate_limits"] is None
    assert "Rate limits: none." in terminal.ok("keys", "show", "desk").err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be none, or limits such as"),
        ("requests-per-minute", "must be none, or limits such as"),
        ("requests-per-hour=5", "must be none, or limits such as"),
        ("requests-per-minute=5,requests-per-minute=6", "each once"),
        ("requests-per-minute=x", "must be a whole number or none, not 'x'"),
        ("requests-per-minute=2147483648", "between 0 and 2,147,483,647"),
        ("batch-input-tokens-per-day=5", "is no limit of a key"),
    ],
)
def test_bad_limits_of_a_key_are_refused_with_a_sentence(terminal: Terminal, text: str, sentence: str) -> None:
    assert sentence in terminal.refused("keys", "create", "laptop", "--rate-limit", text)
