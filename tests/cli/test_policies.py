"""`keyhouse projects tools` and `keyhouse retention`."""

from __future__ import annotations

from tests.cli.terminal import Terminal

PLACE = ["Default project"]


def test_hosted_tools_live(terminal: Terminal) -> None:
    assert "denied" not in terminal.ok("projects", "tools", "show", *PLACE).out
    given = ["--deny", "mcp", "--deny", "web_search", "--allow", "file_search"]
    made = terminal.ok("projects", "tools", "set", *PLACE, *given, "--json").json
    assert {name for name, permission in made.items() if not permission["enabled"]} == {"mcp", "web_search"}
    assert terminal.ok("projects", "tools", "show", *PLACE, "--json").json == made
    assert terminal.ok("projects", "tools", "set", *PLACE, "--allow", "mcp").out.count("denied") == 1


def test_what_is_no_hosted_tool_is_refused(terminal: Terminal) -> None:
    assert "none of" in terminal.refused("projects", "tools", "set", *PLACE, "--deny", "shell")
    assert "twice" in terminal.refused("projects", "tools", "set", *PLACE, "--deny", "mcp", "--allow", "mcp")
    assert "denied" not in terminal.ok("projects", "tools", "show", *PLACE).out


def test_data_retention_lives(terminal: Terminal) -> None:
    assert "modified_abuse_monitoring" in terminal.ok("retention", "show").out
    made = terminal.ok("retention", "set", "zero_data_retention", "--json").json
    assert made == {"object": "organization.data_retention", "type": "zero_data_retention"}
    assert terminal.ok("retention", "show", "--json").json == made
    assert "organization_default" in terminal.ok("retention", "show", "--project", *PLACE).out
    of_project = terminal.ok("retention", "set", "none", "--project", *PLACE, "--json").json
    assert of_project == {"object": "project.data_retention", "type": "none"}
    assert terminal.ok("retention", "show", "--json").json == made


def test_what_is_no_data_retention_is_refused(terminal: Terminal) -> None:
    assert "must be one of" in terminal.refused("retention", "set", "none")
    assert "must be one of" in terminal.refused("retention", "set", "zero", "--project", *PLACE)
