"""`keyhouse organizations`, and `--organization` on every command that works inside one."""

from __future__ import annotations

import pytest

from keyhouse.cli.main import ENTRIES
from tests.cli.terminal import Terminal

_FACTS = ["organization_id", "project_id", "admin_key", "api_key", "owner_email", "owner_password"]
WHOLE = {"init", "up", "organizations", "backup", "restore", "doctor"}


def test_an_organization_is_made_and_its_facts_are_told_once(terminal: Terminal) -> None:
    made = terminal.ok("organizations", "create", "Acme", "--owner-email", "zoe@example.com", "--json").json
    assert list(made) == _FACTS
    assert terminal.house.accepts(made["api_key"])
    printed = terminal.ok("organizations", "create", "Beta")
    assert [line.split("  ")[0].replace(" ", "_") for line in printed.out.splitlines()] == _FACTS
    assert "shown once" in printed.err
    known = terminal.ok("organizations", "create", "Gamma", "--owner-email", "ZOE@example.com")
    assert known.out.splitlines()[-1].split() == ["owner", "password", "–"]
    assert "stays as it is" in known.err
    rest = terminal.ok("organizations", "list").out + terminal.ok("organizations", "show", "Acme", "--json").out
    assert all(secret not in rest for secret in (made["admin_key"], made["api_key"], made["owner_password"]))


def test_organizations_are_listed_shown_and_renamed(terminal: Terminal) -> None:
    made = terminal.ok("organizations", "create", "Acme", "--json").json
    first, further = terminal.ok("organizations", "list", "--json").json
    assert first["runs_house"] is True
    assert further == {
        "object": "organization", "id": made["organization_id"], "name": "Acme", "created_at": first["created_at"],
        "runs_house": False,
    }  # fmt: skip
    assert terminal.ok("organizations", "show", made["organization_id"], "--json").json == further
    assert terminal.ok("organizations", "rename", "Acme", "Zoë's", "--json").json == {**further, "name": "Zoë's"}
    assert "Zoë's" in terminal.ok("organizations", "list").out
    assert "named 'Keyhouse' in this house already" in terminal.refused("organizations", "rename", "Zoë's", "Keyhouse")
    assert "named 'zoë's' in this house already" in terminal.refused("organizations", "create", "zoë's")
    assert "no organization 'Acme'" in terminal.refused("organizations", "show", "Acme")


def test_a_command_works_in_the_organization_that_is_named(terminal: Terminal) -> None:
    acme = terminal.ok("organizations", "create", "Acme", "--json").json
    for words in (
        ["keys", "create", "one", "--organization", "Acme"],
        ["keys", "--organization", "Acme", "create", "two"],
        ["--organization", acme["organization_id"], "keys", "create", "three"],
    ):
        assert terminal.ok(*words).err.startswith("Created")
    terminal.environ["KEYHOUSE_ORGANIZATION"] = "Acme"
    listed = terminal.ok("keys", "list", "--json")
    assert (listed.err, len(listed.json)) == ("", 4)
    assert terminal.ok("projects", "list", "--json").json[0]["id"] == acme["project_id"]
    (ours,) = terminal.ok("keys", "list", "--organization", "Keyhouse", "--json").json
    assert ours["name"] == "First key"


def test_where_several_are_there_and_none_is_named_the_one_that_is_used_is_told(terminal: Terminal) -> None:
    assert terminal.ok("keys", "list").err == ""
    terminal.ok("organizations", "create", "Acme")
    told = terminal.ok("keys", "list", "--json")
    assert told.err.startswith("In organization 'Keyhouse', which runs the house")
    assert [key["name"] for key in told.json] == ["First key"]
    assert terminal.ok("costs", "--json").err.count("In organization 'Keyhouse'") == 1


@pytest.mark.parametrize("words", [["keys", "list"], ["costs"], ["audit", "verify"], ["projects", "create", "New"]])
def test_a_name_that_is_none_is_refused(terminal: Terminal, words: list[str]) -> None:
    assert "no organization 'Nobody\\u000a'" in terminal.refused(*words, "--organization", "Nobody\n")
    terminal.environ["KEYHOUSE_ORGANIZATION"] = "None"
    assert "no organization 'None'" in terminal.refused(*words)
    assert len(terminal.ok("organizations", "list", "--json").json) == 1, "those there are can be looked up"


@pytest.mark.parametrize("name", list(ENTRIES))
def test_every_command_that_works_inside_one_takes_its_name(terminal: Terminal, name: str) -> None:
    inside = name not in WHOLE
    assert ("--organization" in terminal.ok(name, "--help").out) is inside
    if not inside:
        refused = terminal.type("--organization", "Keyhouse", name, "--help")
        assert (refused.code, "works on the whole house" in refused.err) == (2, True)
