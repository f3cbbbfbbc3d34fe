"""`keyhouse people` and `keyhouse groups`."""

from __future__ import annotations

from tests.cli.terminal import Terminal


def test_people_come_and_go(terminal: Terminal) -> None:
    added = terminal.ok("people", "add", "Bob@example.com", "--name", "Bob", "--role", "member")
    assert len(added.out.strip()) >= 20
    assert "Added bob@example.com" in added.err
    made = terminal.ok("people", "add", "dora@example.com", "--name", "Dora", "--json").json
    assert (made["role"], bool(made["password"])) == ("reader", True)
    assert {item["email"] for item in terminal.ok("people", "list", "--json").json} == {
        "owner@localhost", "bob@example.com", "dora@example.com",
    }  # fmt: skip
    assert "Bob" in terminal.ok("people", "list").out
    assert terminal.ok("people", "update", "bob@example.com", "--role", "owner", "--json").json["role"] == "owner"
    joined = terminal.ok("people", "join", "dora@example.com", "--project", "Default project", "--json").json
    assert (joined["object"], joined["role"]) == ("organization.project.user", "member")
    again = terminal.ok(
        "people", "join", "dora@example.com", "--project", "Default project", "--role", "viewer", "--json"
    )
    assert again.json["role"] == "viewer"
    assert "dora" in terminal.ok("people", "list", "--project", "Default project").out
    terminal.ok("keys", "create", "first")
    terminal.ok("people", "leave", "dora@example.com", "--project", "Default project")
    assert terminal.ok("people", "list", "--project", "Default project", "--json").json == []
    gone = terminal.ok("people", "remove", made["id"], "--json").json
    assert (gone["deleted"], gone["disabled_api_keys"]) == (True, [])
    assert "No person" in terminal.refused("people", "show", made["id"])


def test_who_leaves_is_told_which_keys_are_disabled(terminal: Terminal) -> None:
    terminal.ok("people", "add", "bob@example.com", "--name", "Bob", "--role", "owner")
    removed = terminal.ok("people", "remove", "owner@localhost")
    assert "First key" in removed.out
    assert "2 of their keys are disabled" in removed.err
    assert "last owner" in terminal.refused("people", "remove", "bob@example.com")


def test_groups_are_made_joined_and_put_into_projects(terminal: Terminal) -> None:
    made = terminal.ok("groups", "create", "Keepers", "--json").json
    terminal.ok("people", "add", "bob@example.com", "--name", "Bob")
    assert terminal.ok("groups", "join", "Keepers", "bob@example.com", "--json").json["group_id"] == made["id"]
    assert "bob@example.com" in terminal.ok("groups", "show", "Keepers").out
    assert terminal.ok("groups", "rename", "Keepers", "Key keepers", "--json").json["name"] == "Key keepers"
    placed = terminal.ok("groups", "enter", "Key keepers", "--project", "Default project", "--json").json
    assert placed["role_ids"] == ["role-project-member"]
    assert "Key keepers" in terminal.ok("groups", "list", "--project", "Default project").out
    terminal.ok("groups", "exit", "Key keepers", "--project", "Default project")
    terminal.ok("groups", "leave", made["id"], "bob@example.com")
    assert terminal.ok("groups", "show", made["id"], "--json").json["users"] == []
    assert terminal.ok("groups", "delete", "Key keepers", "--json").json["deleted"] is True
    assert terminal.ok("groups", "list", "--json").json == []
    terminal.ok("groups", "create", "Twins")
    terminal.ok("groups", "create", "Twins")
    assert "names 2 groups" in terminal.refused("groups", "delete", "Twins")


def test_people_are_invited(terminal: Terminal) -> None:
    sent = terminal.ok("invites", "create", "dora@example.com", "--project", "Default project=viewer")
    assert sent.out.startswith("http://127.0.0.1:8585/invite/khinv_")
    [shown] = terminal.ok("invites", "list", "--json").json
    assert (shown["status"], shown["role"], shown["projects"][0]["role"]) == ("pending", "member", "viewer")
    assert "dora@example.com" in terminal.ok("invites", "list").out
    assert terminal.ok("invites", "show", "dora@example.com", "--json").json == shown
    assert "invited already" in terminal.refused("invites", "create", "dora@example.com")
    assert terminal.ok("invites", "delete", "dora@example.com", "--json").json["deleted"] is True
    assert "No invite" in terminal.refused("invites", "show", shown["id"])
    made = terminal.ok("invites", "create", "bob@example.com", "--role", "reader", "--no-project", "--json").json
    assert made["projects"] == []
    assert "exclude each other" in terminal.refused(
        "invites", "create", "c@example.com", "--no-project", "--project", "x"
    )
