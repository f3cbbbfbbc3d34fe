"""Tags in the terminal: on projects and keys, and in tables, JSON and CSV of usage and costs."""

from __future__ import annotations

import csv
import io

import pytest

from keyhouse.domain.audit import EventType
from tests.cli.terminal import Terminal
from tests.ledger.rollup_rows import usage_row


def called(terminal: Terminal, project_id: str, key_id: str) -> None:
    house = terminal.house
    at, organization_id = house.clock.now - 3600, house.caller.organization_id
    row = usage_row(
        at=at, organization_id=organization_id, project_id=project_id, key_id=key_id, costs=(60_000_000, 0, 0)
    )
    house.store.ledger.append([row])


def test_a_key_is_given_tags_shown_with_them_and_cleared(terminal: Terminal) -> None:
    made = terminal.ok("keys", "create", "laptop", "--tag", "team=red", "--tag", "note=a=b c", "--json").json
    assert made["tags"] == {"note": "a=b c", "team": "red"}
    assert "Tags: note=a=b c, team=red." in terminal.ok("keys", "show", "laptop").err
    assert terminal.ok("keys", "update", "laptop", "--tag", "team=blue", "--json").json["tags"] == {"team": "blue"}
    assert terminal.house.events()[-1].type is EventType.API_KEY_UPDATED
    assert terminal.ok("keys", "update", "laptop", "--no-tags", "--json").json["tags"] == {}
    assert "Tags" not in terminal.ok("keys", "show", "laptop").err


def test_a_service_account_s_key_is_given_tags(terminal: Terminal) -> None:
    terminal.ok("service-accounts", "create", "robo", "--without-key")
    made = terminal.ok("keys", "create", "bot", "--service-account", "robo", "--tag", "team=bots", "--json")
    assert made.json["tags"] == {"team": "bots"}


def test_a_project_is_given_tags_listed_with_them_and_cleared(terminal: Terminal) -> None:
    assert terminal.ok("projects", "create", "Search", "--tag", "team=red", "--json").json["tags"] == {"team": "red"}
    assert "team=red" in terminal.ok("projects", "list").out
    changed = terminal.ok("projects", "update", "Search", "--name", "Find", "--tag", "env=prod", "--json").json
    assert (changed["name"], changed["tags"]) == ("Find", {"env": "prod"})
    assert terminal.ok("projects", "update", "Find", "--no-tags", "--json").json["tags"] == {}
    assert [project["tags"] for project in terminal.ok("projects", "list", "--json").json] == [{}, {}]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["keys", "create", "a", "--tag", "team"], "must be NAME=VALUE"),
        (["keys", "create", "a", "--tag", "team=red", "--tag", "team=blue"], "each name once"),
        (["keys", "create", "a", "--tag", "Team=red"], "is not a tag's name"),
        (["keys", "create", "a", "--tag", "team="], "1 to 128 characters"),
        (["keys", "create", "a", "--admin", "--tag", "team=red"], "An admin key has no tags"),
        (["projects", "create", "a", "--tag", "=red"], "is not a tag's name"),
        (["projects", "update", "Default project", "--tag", "a=b", "--no-tags"], "exclude each other"),
        (["projects", "update", "Default project"], "Give something to change"),
        (["usage", "--by", "tag:"], "names no tag"),
        (["costs", "--group-by", "tag:Team"], "names no tag"),
        (["costs", "--group-by", "team"], "must be any of"),
    ],
)
def test_what_cannot_be_a_tag_is_refused_in_one_sentence(terminal: Terminal, words: list[str], sentence: str) -> None:
    assert sentence in terminal.refused(*words)


def test_costs_by_tag_have_a_column_in_every_form(terminal: Terminal) -> None:
    red = terminal.ok("projects", "create", "Search", "--tag", "team=red", "--json").json["id"]
    blue = terminal.ok("keys", "create", "b", "--project", red, "--tag", "team==1+1", "--json").json["id"]
    called(terminal, red, "key_untagged")
    called(terminal, red, blue)
    called(terminal, terminal.house.project_id, "key_nobody")
    lines = [line.split()[1:] for line in terminal.ok("costs", "--group-by", "tag:team").out.splitlines()]
    assert lines[0] == ["(UTC)", "tag:team", "Cost"]
    assert lines[2:5] == [["–", "$0.060000"], ["=1+1", "$0.060000"], ["red", "$0.060000"]]
    assert lines[6] == ["$0.180000"]
    page = terminal.ok("usage", "--by", "tag:team", "--json").json
    tags = [result["tags"] for bucket in page["data"] for result in bucket["results"]]
    assert tags == [{"team": None}, {"team": "=1+1"}, {"team": "red"}]
    for command in ("usage", "costs"):
        rows = list(csv.DictReader(io.StringIO(terminal.ok(command, "--by", "tag:team", "--csv").out)))
        assert [row["tag:team"] for row in rows] == ["", "'=1+1", "red"]


def test_tables_and_csv_by_project_show_its_tags(terminal: Terminal) -> None:
    red = terminal.ok("projects", "create", "Search", "--tag", "team=red", "--json").json["id"]
    called(terminal, red, "key_a")
    assert terminal.ok("usage", "--by", "project").out.splitlines()[0].split()[2:4] == ["Project", "tag:team"]
    (row,) = csv.DictReader(io.StringIO(terminal.ok("costs", "--by", "project", "--csv").out))
    assert (row["project_id"], row["tag:team"]) == (red, "red")
    terminal.ok("projects", "update", "Search", "--no-tags")
    assert "tag:" not in terminal.ok("usage", "--by", "project").out
