"""`keyhouse roles`: made, listed, shown, changed and deleted by name."""

from __future__ import annotations

from keyhouse.domain.authority import Permission
from keyhouse.domain.people import Group
from tests.cli.terminal import Terminal
from tests.control.houses import NOW

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


def test_roles_are_given_to_people_and_groups_by_name(terminal: Terminal) -> None:
    house = terminal.house
    with house.store.write() as tx:
        owner = tx.people.owners(house.caller.organization_id)[0][0]
        tx.groups.add(Group("group_team", house.caller.organization_id, "team", NOW))
    made = terminal.ok("roles", "create", "keeper", "--grant", READ, "--json").json
    given = terminal.ok("roles", "assign", "keeper", "--user", owner.email, "--json").json
    assert (given["object"], given["user"]["id"], given["role"]) == ("user.role", owner.id, made)
    assert "group_team holds role 'keeper'" in terminal.ok("roles", "assign", "keeper", "--group", "team").err
    assert [role["name"] for role in terminal.ok("roles", "of", "--user", owner.id, "--json").json] == [
        "owner",
        "keeper",
    ]
    assert "group_team" in terminal.ok("roles", "of", "--group", "team").out
    assert "from group_team" in terminal.ok("roles", "unassign", "keeper", "--group", "group_team").err
    gone = terminal.ok("roles", "unassign", "keeper", "--user", owner.id, "--json").json
    assert gone == {"object": "user.role.deleted", "deleted": True}
    assert "last owner" in terminal.refused("roles", "unassign", "owner", "--user", owner.email)
    assert "either" in terminal.refused("roles", "of")
    assert "No person with id 'nobody'" in terminal.refused("roles", "of", "--user", "nobody")
    assert "No group with id 'nobody'" in terminal.refused("roles", "of", "--group", "nobody")
    viewer = ("viewer", "--user", owner.email, "--project", house.project_id)
    terminal.ok("roles", "assign", *viewer)
    assert "Took role 'viewer'" in terminal.ok("roles", "unassign", *viewer).err
