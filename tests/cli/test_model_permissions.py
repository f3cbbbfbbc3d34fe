"""`keyhouse projects models`."""

from __future__ import annotations

from tests.cli.terminal import Terminal

PLACE = ["Default project"]


def test_model_permissions_live(terminal: Terminal) -> None:
    assert "No model permissions" in terminal.refused("projects", "models", "show", *PLACE)
    given = ["--mode", "deny_list", "--model", "o3", "--model", "gpt-4o"]
    made = terminal.ok("projects", "models", "set", *PLACE, *given, "--json").json
    assert made == {"object": "project.model_permissions", "mode": "deny_list", "model_ids": ["o3", "gpt-4o"]}
    assert terminal.ok("projects", "models", "show", *PLACE, "--json").json == made
    assert "o3, gpt-4o" in terminal.ok("projects", "models", "show", *PLACE).out
    terminal.ok("projects", "models", "remove", *PLACE)
    assert "No model permissions" in terminal.refused("projects", "models", "remove", *PLACE)


def test_what_is_no_model_permissions_is_refused(terminal: Terminal) -> None:
    assert "mode" in terminal.refused("projects", "models", "set", *PLACE, "--mode", "some")
    assert "glob" in terminal.refused("projects", "models", "set", *PLACE, "--mode", "deny_list", "--model", "o*")
