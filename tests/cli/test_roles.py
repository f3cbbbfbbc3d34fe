"""`keyhouse roles`: made, listed, shown, changed and deleted by name."""

from __future__ import annotations

from keyhouse.domain.authority import Permission
from tests.cli.terminal import Terminal

READ, WRITE = Permission.KEYS_READ.value, Permission.KEYS_WRITE.value


def test_a_role_is_made_shown_changed_and_deleted(terminal: Terminal) -> None:
    made = terminal.ok(
        "roles", "create", "keeper", "--grant", READ, "--grant", WRITE, "--description", "Keys.", "--json"
    ).json
    assert (made["name"], made["permissions"], made["description"]) == ("keeper", [READ, WRITE], "Keys.")
    assert terminal.ok("roles", "show", "keeper", "--json").json == made
    assert terminal.ok("roles", "show", made["id"]).out.split() == ["PERMISSION", READ, WRITE]
    changed = terminal.ok("roles", "update", "keeper", "--name", "looker", "--grant", READ, "--json").json
    assert changed == {**made, "name": "looker", "permissions": [READ]}
    listed = terminal.ok("roles", "list").out
    assert "role-organization-owner" in listed
    assert "looker" in listed
    assert "predefined" in terminal.refused("roles", "delete", "owner")
    assert f"Deleted role 'looker' ({made['id']})." in terminal.ok("roles", "delete", "looker").err
    assert "No role with id 'looker'" in terminal.refused("roles", "show", "looker")


def test_a_project_has_roles_of_its_own(terminal: Terminal) -> None:
    terminal.ok("projects", "create", "Search")
    made = terminal.ok("roles", "create", "keeper", "--grant", READ, "--project", "Search", "--json").json
    assert made["resource_type"] == "api.project"
    assert made in terminal.ok("roles", "list", "--project", "Search", "--json").json
    assert made not in terminal.ok("roles", "list", "--json").json
    gone = terminal.ok("roles", "delete", "keeper", "--project", "Search", "--json").json
    assert gone == {"id": made["id"], "object": "role.deleted", "deleted": True}
    assert "is not a permission" in terminal.refused("roles", "create", "x", "--grant", "api.all")
