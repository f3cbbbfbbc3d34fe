"""Drives of people, groups and roles."""

from __future__ import annotations

from tests.api.sdks.drivers import Sdk
from tests.api.sdks.drives import O, P, R, crud, drive, ids
from tests.api.served import Served

READ, WRITE = "api.organization.projects.api_keys.read", "api.organization.projects.api_keys.write"


def person(api: Served, name: str = "bob") -> str:
    """Somebody new in the organization: OpenAI has no operation for that but invitations."""
    api.house.clock.now += 1
    made = api.post("/organization/users", {"email": f"{name}@example.com", "name": name, "role": "reader"})
    return str(made["id"])


@drive(*crud(f"{O}/users", f"POST {O}/users"))
def users(sdk: Sdk, api: Served) -> None:
    bob = person(api)
    assert ids(sdk.every("users.list", limit=1))[-1] == bob
    assert ids(sdk.every("users.list", emails=["bob@example.com"])) == [bob]
    assert sdk("users.update", bob, role="owner")["role"] == "owner"
    assert sdk("users.retrieve", bob)["role"] == "owner"
    assert sdk("users.delete", bob)["deleted"] is True
    assert bob not in ids(sdk.every("users.list"))
    assert sdk.refused("users.retrieve", bob) == 404


@drive(*crud(f"{O}/invites", f"POST {O}/invites/{{}}"))
def invites(sdk: Sdk, api: Served) -> None:
    project = api.house.project_id
    made = sdk("invites.create", email="bob@example.com", role="reader", projects=[{"id": project, "role": "owner"}])
    api.house.clock.now += 1
    other = sdk("invites.create", email="carol@example.com", role="owner")
    assert made["projects"] == [{"id": project, "role": "owner"}]
    assert other["projects"] == [{"id": project, "role": "member"}]
    assert sdk("invites.retrieve", made["id"])["status"] == "pending"
    assert ids(sdk.every("invites.list", limit=1)) == [made["id"], other["id"]]
    assert sdk("invites.delete", made["id"])["deleted"] is True
    assert ids(sdk.every("invites.list")) == [other["id"]]
    assert sdk.refused("invites.retrieve", made["id"]) == 404


@drive(
    *crud(f"{O}/groups"),
    *crud(f"{O}/groups/{{}}/users", f"POST {O}/groups/{{}}/users/{{}}"),
)
def groups(sdk: Sdk, api: Served) -> None:
    bob = person(api)
    made = sdk("groups.create", name="Keepers")["id"]
    api.house.clock.now += 1
    other = sdk("groups.create", name="Others")["id"]
    assert sdk("groups.update", made, name="Key keepers")["name"] == "Key keepers"
    assert sdk("groups.retrieve", made)["name"] == "Key keepers"
    assert ids(sdk.every("groups.list", limit=1)) == [made, other]
    assert ids(sdk.every("groups.list", limit=1, order="desc")) == [other, made]
    assert sdk("groups.users.create", made, user_id=bob)["user_id"] == bob
    assert ids(sdk.every("groups.users.list", made)) == [bob]
    assert sdk("groups.users.retrieve", bob, group_id=made)["id"] == bob
    assert sdk("groups.users.delete", bob, group_id=made)["deleted"] is True
    assert sdk.every("groups.users.list", made) == []
    assert sdk("groups.delete", made)["deleted"] is True
    assert ids(sdk.every("groups.list")) == [other]
    assert sdk.refused("groups.retrieve", made) == 404


@drive(*crud(f"{O}/roles"))
def roles(sdk: Sdk, api: Served) -> None:
    made = sdk("roles.create", role_name="keeper", permissions=[READ])
    assert made["permissions"] == [READ]
    assert sdk("roles.update", made["id"], permissions=[WRITE])["permissions"] == [WRITE]
    assert sdk("roles.retrieve", made["id"])["permissions"] == [WRITE]
    assert ids(sdk.every("roles.list", limit=1))[-1] == made["id"]
    assert sdk("roles.delete", made["id"])["deleted"] is True
    assert made["id"] not in ids(sdk.every("roles.list"))


@drive(*crud(f"{R}/roles"))
def roles_of_a_project(sdk: Sdk, api: Served) -> None:
    project = api.house.project_id
    made = sdk("projects.roles.create", project, role_name="keeper", permissions=[READ])["id"]
    changed = sdk("projects.roles.update", made, project_id=project, permissions=[WRITE])
    assert changed["permissions"] == [WRITE]
    assert sdk("projects.roles.retrieve", made, project_id=project)["permissions"] == [WRITE]
    assert ids(sdk.every("projects.roles.list", project, limit=1))[-1] == made
    assert made not in ids(sdk.every("roles.list"))
    assert sdk("projects.roles.delete", made, project_id=project)["deleted"] is True
    assert made not in ids(sdk.every("projects.roles.list", project))


_HELD = ("GET {}/roles", "POST {}/roles", "GET {}/roles/{{}}", "DELETE {}/roles/{{}}")


@drive(*(one.format(f"{O}/{whose}/{{}}") for one in _HELD for whose in ("users", "groups")))
def roles_that_are_held(sdk: Sdk, api: Served) -> None:
    role = sdk("roles.create", role_name="keeper", permissions=[READ])["id"]
    holders = {"users": person(api), "groups": sdk("groups.create", name="Keepers")["id"]}
    for whose, holder in holders.items():
        named = {f"{whose.removesuffix('s')}_id": holder}
        given = sdk(f"{whose}.roles.create", holder, role_id=role)
        assert (given["role"]["id"], given[whose.removesuffix("s")]["id"]) == (role, holder)
        assert role in ids(sdk.every(f"{whose}.roles.list", holder, limit=1))
        assert sdk(f"{whose}.roles.retrieve", role, **named)["id"] == role
        assert sdk(f"{whose}.roles.delete", role, **named)["deleted"] is True
        assert role not in ids(sdk.every(f"{whose}.roles.list", holder))
        assert sdk.refused(f"{whose}.roles.retrieve", role, **named) == 404


@drive(*(one.format(f"{R}/{whose}/{{}}") for one in _HELD for whose in ("users", "groups")))
def roles_that_are_held_in_a_project(sdk: Sdk, api: Served) -> None:
    project = api.house.project_id
    role = sdk("projects.roles.create", project, role_name="keeper", permissions=[READ])["id"]
    holders = {"users": person(api), "groups": sdk("groups.create", name="Keepers")["id"]}
    for whose, holder in holders.items():
        named = {f"{whose.removesuffix('s')}_id": holder, "project_id": project}
        given = sdk(f"projects.{whose}.roles.create", holder, project_id=project, role_id=role)
        assert given["role"]["id"] == role
        assert ids(sdk.every(f"projects.{whose}.roles.list", holder, project_id=project)) == [role]
        assert sdk(f"projects.{whose}.roles.retrieve", role, **named)["id"] == role
        assert sdk(f"projects.{whose}.roles.delete", role, **named)["deleted"] is True
        assert sdk.every(f"projects.{whose}.roles.list", holder, project_id=project) == []


@drive(*crud(f"{P}/users"))
def people_of_a_project(sdk: Sdk, api: Served) -> None:
    bob, project = person(api), api.house.project_id
    assert sdk("projects.users.create", project, user_id=bob, role="member")["role"] == "member"
    assert sdk("projects.users.update", bob, project_id=project, role="owner")["role"] == "owner"
    assert sdk("projects.users.retrieve", bob, project_id=project)["role"] == "owner"
    assert ids(sdk.every("projects.users.list", project, limit=1)) == [bob]
    assert sdk("projects.users.delete", bob, project_id=project)["deleted"] is True
    assert sdk.every("projects.users.list", project) == []


@drive(*crud(f"{P}/groups", f"POST {P}/groups/{{}}"))
def groups_of_a_project(sdk: Sdk, api: Served) -> None:
    group, project = sdk("groups.create", name="Keepers")["id"], api.house.project_id
    placed = sdk("projects.groups.create", project, group_id=group, role="role-project-viewer")
    assert (placed["group_id"], placed["project_id"]) == (group, project)
    assert sdk("projects.groups.retrieve", group, project_id=project)["group_id"] == group
    assert [item["group_id"] for item in sdk.every("projects.groups.list", project)] == [group]
    assert sdk("projects.groups.delete", group, project_id=project)["deleted"] is True
    assert sdk.every("projects.groups.list", project) == []
