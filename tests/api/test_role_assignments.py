"""Role assignments over HTTP, and through OpenAI's own SDK."""

from __future__ import annotations

import openai
import pytest

from keyhouse.domain.authority import Permission
from keyhouse.domain.people import Group, GroupMember, Member, OrganizationRole, Person
from tests.api.served import Served
from tests.api.test_budgets import admin, refused
from tests.control.houses import NOW

__all__ = ["admin"]

READ = Permission.KEYS_READ.value
ROLE = {"role_name": "keeper", "permissions": [READ], "description": "Looks at keys."}


@pytest.fixture(autouse=True)
def people(api: Served) -> None:
    """bob, a member of the organization and of the group `team`."""
    organization_id = api.house.caller.organization_id
    with api.house.store.write() as tx:
        person = Person("user-bob", "bob@example.com", "Bob", NOW)
        tx.people.add(person, Member(organization_id, "user-bob", OrganizationRole.MEMBER, NOW))
        tx.groups.add(Group("group_team", organization_id, "team", NOW))
        tx.groups.put_member(GroupMember(organization_id, "group_team", "user-bob", NOW))


@pytest.fixture(params=["organization", "project"])
def place(api: Served, request: pytest.FixtureRequest) -> str:
    return "/organization" if request.param == "organization" else f"/projects/{api.house.project_id}"


@pytest.fixture(params=["users/user-bob", "groups/group_team"])
def path(place: str, request: pytest.FixtureRequest) -> str:
    return f"{place}/{request.param}/roles"


def test_a_role_is_given_in_openais_shape(api: Served, place: str, path: str) -> None:
    made = api.post(f"{place}/roles", ROLE)
    answer = api.post(path, {"role_id": made["id"]})
    kind, holder = ("user", "user-bob") if "users" in path else ("group", "group_team")
    assert (answer["object"], answer["role"], answer[kind]["id"]) == (f"{kind}.role", made, holder)
    if kind == "group":
        assert answer["group"] == {
            "object": "group", "id": "group_team", "name": "team", "created_at": NOW, "scim_managed": False,
        }  # fmt: skip
    held = api.get(f"{path}/{made['id']}")
    assert held in api.get(path)["data"]
    assert (held["assignment_sources"], held["created_at"], held["metadata"]) == (
        [{"principal_id": holder, "principal_type": kind}], NOW, {},
    )  # fmt: skip
    assert held["created_by_user_obj"]["id"] == held["created_by"]
    assert api.delete(f"{path}/{made['id']}") == {"object": f"{kind}.role.deleted", "deleted": True}
    assert refused(api, "DELETE", f"{path}/{made['id']}")[0] == refused(api, "GET", f"{path}/{made['id']}")[0] == 404


def test_what_is_not_there_is_not_found(api: Served, place: str, path: str) -> None:
    other = "/organization" if place.startswith("/projects") else f"/projects/{api.house.project_id}"
    foreign = api.post(f"{other}/roles", ROLE)["id"]
    before = api.get(path)
    for role_id in ("role_none", foreign, "role-project-emperor", "👩‍🚀", "مراجع"):
        assert refused(api, "POST", path, {"role_id": role_id})[0] == 404
    assert refused(api, "GET", f"{path}/{foreign}")[0] == refused(api, "DELETE", f"{path}/{foreign}")[0] == 404
    nobody = path.replace("user-bob", "user-none").replace("group_team", "group_none")
    for method, body in (("GET", None), ("POST", {"role_id": foreign})):
        assert refused(api, method, nobody, body)[0] == 404
    assert refused(api, "GET", f"/projects/proj_none/{path.split('/', 2)[-1]}")[0] == 404
    assert api.get(path) == before


@pytest.mark.parametrize(
    ("body", "param"),
    [({}, "role_id"), ({"role_id": 7}, "role_id"), ({"role_id": None}, "role_id"), ({"role_id": []}, "role_id"),
     ({"role_id": ""}, "role_id"), ({"role_id": "x" * 10_000}, "role_id"), ({"role_id": "a\x00b"}, "role_id"),
     ({"role_id": "a", "x": 1}, "x"), ([], "body")],
)  # fmt: skip
def test_what_gives_no_role_is_refused(api: Served, path: str, body: object, param: str) -> None:
    assert refused(api, "POST", path, body)[:2] == (400, param)


def test_pages_follow_next(api: Served, place: str, path: str) -> None:
    for number in range(3):
        api.house.clock.now += 1
        made = api.post(f"{place}/roles", {**ROLE, "role_name": f"r{number}"})
        api.post(path, {"role_id": made["id"]})
    whole = api.get(path)
    first = api.get(path, limit=2)
    rest = api.get(path, limit=2, after=first["next"])
    assert first["has_more"]
    assert (first["data"] + rest["data"])[: len(whole["data"])] == whole["data"][:4]
    assert api.get(path, order="desc")["data"] == whole["data"][::-1]
    assert refused(api, "GET", f"{path}?after=role_none")[:2] == (400, "after")


def test_an_archived_project_gives_no_roles(api: Served) -> None:
    second = api.post("/organization/projects", {"name": "Search"})["id"]
    path = f"/projects/{second}/users/user-bob/roles"
    api.post(path, {"role_id": "role-project-viewer"})
    api.post(f"/organization/projects/{second}/archive")
    assert refused(api, "POST", path, {"role_id": "role-project-owner"})[0] == 409
    assert [role["name"] for role in api.get(path)["data"]] == ["viewer"]


def test_sdk_gives_and_takes_roles(api: Served, admin: openai.OpenAI) -> None:
    organization = admin.admin.organization
    made = organization.roles.create(role_name="keeper", permissions=[READ])
    given = organization.users.roles.create("user-bob", role_id=made.id)
    assert (given.user.id, given.role.id) == ("user-bob", made.id)
    assert [role.name for role in organization.users.roles.list("user-bob", limit=1)] == ["member", "keeper"]
    assert organization.users.roles.retrieve(made.id, user_id="user-bob").name == "keeper"
    assert organization.users.roles.delete(made.id, user_id="user-bob").deleted
    assert organization.groups.roles.create("group_team", role_id=made.id).group.name == "team"
    assert [role.name for role in organization.groups.roles.list("group_team")] == ["keeper"]
    assert organization.groups.roles.delete(made.id, group_id="group_team").deleted
    project_id = api.house.project_id
    users = organization.projects.users.roles
    users.create("user-bob", project_id=project_id, role_id="role-project-viewer")
    assert [role.name for role in users.list("user-bob", project_id=project_id)] == ["viewer"]
    assert users.delete("role-project-viewer", project_id=project_id, user_id="user-bob").deleted
    groups = organization.projects.groups.roles
    groups.create("group_team", project_id=project_id, role_id="role-project-viewer")
    assert [role.name for role in groups.list("group_team", project_id=project_id)] == ["viewer"]
    assert groups.delete("role-project-viewer", project_id=project_id, group_id="group_team").deleted
