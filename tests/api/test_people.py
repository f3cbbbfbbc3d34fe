"""People, groups and who is in which project, over HTTP and through OpenAI's own SDK."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from keyhouse.control import people
from tests.api.served import Served
from tests.api.test_budgets import admin, refused

__all__ = ["admin"]

USERS, GROUPS = "/organization/users", "/organization/groups"
ODD = {"emoji": "🔑 Ключ", "right to left": "مفتاح"}


def add(api: Served, name: str = "bob", role: str = "member") -> str:
    made = api.post(USERS, {"email": f"{name}@example.com", "name": name, "role": role})
    return str(made["id"])


def test_a_person_lives_in_openais_shape(api: Served, admin: openai.OpenAI) -> None:
    made = api.post(USERS, {"email": "bob@example.com", "name": "Bob", "role": "reader"})
    assert made["password"]
    assert made["password"] not in str([api.get(USERS), api.get(f"{USERS}/{made['id']}")])
    users = admin.admin.organization.users
    api.house.clock.now += 1
    assert {user.email for user in users.list(limit=1)} == {"owner@localhost", "bob@example.com"}
    assert [user.id for user in users.list(emails=["bob@example.com"])] == [made["id"]]
    changed = users.update(made["id"], role="owner", technical_level="expert")
    assert (changed.role, changed.technical_level, changed.object) == ("owner", "expert", "organization.user")
    assert users.retrieve(made["id"]).role == "owner"
    assert users.delete(made["id"]).deleted
    with pytest.raises(openai.NotFoundError):
        users.retrieve(made["id"])
    assert [user.email for user in users.list()] == ["owner@localhost"]


def test_a_removed_persons_keys_are_told(api: Served) -> None:
    bob = add(api)
    api.post(f"{api.project}/users", {"user_id": bob, "role": "member"})
    gone = api.delete(f"{USERS}/{bob}")
    assert gone == {"object": "organization.user.deleted", "id": bob, "deleted": True, "disabled_api_keys": []}


def test_groups_and_their_people_through_the_sdk(api: Served, admin: openai.OpenAI) -> None:
    bob = add(api)
    groups = admin.admin.organization.groups
    made = groups.create(name="Keepers")
    assert (made.name, made.group_type, made.is_scim_managed) == ("Keepers", "group", False)
    assert groups.update(made.id, name="Key keepers").name == "Key keepers"
    assert [group.id for group in groups.list(limit=1)] == [made.id]
    assert groups.retrieve(made.id).name == "Key keepers"
    assert groups.users.create(made.id, user_id=bob).user_id == bob
    assert [user.id for user in groups.users.list(made.id)] == [bob]
    assert groups.users.retrieve(bob, group_id=made.id).user_type == "user"
    assert groups.users.delete(bob, group_id=made.id).deleted
    assert list(groups.users.list(made.id)) == []
    assert groups.delete(made.id).deleted
    assert list(groups.list()) == []


def test_people_and_groups_of_a_project_through_the_sdk(api: Served, admin: openai.OpenAI) -> None:
    bob, project_id = add(api), api.house.project_id
    projects = admin.admin.organization.projects
    assert projects.users.create(project_id, user_id=bob, role="member").role == "member"
    assert projects.users.update(bob, project_id=project_id, role="owner").role == "owner"
    assert [user.id for user in projects.users.list(project_id)] == [bob]
    assert projects.users.retrieve(bob, project_id=project_id).email == "bob@example.com"
    shown = admin.admin.organization.users.retrieve(bob)
    assert shown.projects is not None
    assert [(place.id, place.role) for place in shown.projects.data] == [(project_id, "owner")]
    assert projects.users.delete(bob, project_id=project_id).deleted
    group = admin.admin.organization.groups.create(name="Keepers")
    placed = projects.groups.create(project_id, group_id=group.id, role="role-project-viewer")
    assert (placed.group_name, placed.project_id) == ("Keepers", project_id)
    assert [item.group_id for item in projects.groups.list(project_id)] == [group.id]
    assert projects.groups.retrieve(group.id, project_id=project_id).group_id == group.id
    assert projects.groups.delete(group.id, project_id=project_id).deleted
    assert list(projects.groups.list(project_id)) == []


@pytest.mark.parametrize("name", ODD.values(), ids=list(ODD))
def test_names_may_be_in_any_script(api: Served, name: str) -> None:
    assert api.post(GROUPS, {"name": name})["name"] == name
    assert api.post(USERS, {"email": "dora@example.com", "name": name})["name"] == name


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (GROUPS, {"name": ""}, "name"),
        (GROUPS, {"name": "x" * 10_000}, "name"),
        (GROUPS, {"name": "a\x00b"}, "name"),
        (GROUPS, {"name": 7}, "name"),
        (GROUPS, {}, "name"),
        (GROUPS, {"name": "a", "color": "red"}, "color"),
        (USERS, {"email": "x", "name": "X"}, "email"),
        (USERS, {"email": "x@y.z", "name": ""}, "name"),
        (USERS, {"email": "x@y.z", "name": "X", "role": "king"}, "role"),
        ("{project}/users", {"role": "member"}, "user_id"),
        ("{project}/users", {"role": "king", "email": "x@y.z"}, "role"),
        ("{project}/users", {"role": "member", "user_id": 7}, "user_id"),
        ("{project}/users", {"role": "member", "user_id": []}, "user_id"),
        ("{project}/users", {"role": "member", "email": {}}, "email"),
        ("{project}/groups", {"group_id": 7, "role": "role-project-viewer"}, "group_id"),
        ("{project}/groups", {"group_id": "group_none"}, "role"),
    ],
)
def test_bad_bodies_are_refused_naming_the_field(api: Served, path: str, body: Any, param: str) -> None:
    before = len(api.house.events())
    answer = api.call("POST", path.format(project=api.project), body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert len(api.house.events()) == before


@pytest.mark.parametrize("path", [GROUPS, USERS, "{project}/users", "{project}/groups"])
def test_a_body_that_is_an_array_is_refused(api: Served, path: str) -> None:
    assert api.call("POST", path.format(project=api.project), []).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        f"{USERS}/user-none",
        f"{GROUPS}/group_none",
        f"{GROUPS}/group_none/users",
        f"{GROUPS}/group_none/users/user-none",
        "{project}/users/user-none",
        "{project}/groups/group_none",
        "/organization/projects/proj_none/users",
        "/organization/projects/proj_none/groups",
    ],
)
def test_unknown_ids_are_404(api: Served, path: str) -> None:
    assert refused(api, "GET", path.format(project=api.project))[0] == 404


def test_what_is_named_in_a_body_and_is_not_there_is_404_naming_the_field(api: Served) -> None:
    group = api.post(GROUPS, {"name": "Keepers"})["id"]
    for path, body, param in (
        (f"{GROUPS}/{group}/users", {"user_id": "user-none"}, "user_id"),
        (f"{api.project}/users", {"user_id": "user-none", "role": "member"}, "user_id"),
        (f"{api.project}/users", {"email": "none@example.com", "role": "member"}, "email"),
        (f"{api.project}/groups", {"group_id": "group_none", "role": "role-project-viewer"}, "group_id"),
    ):
        answer = api.call("POST", path, body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (404, param)


def test_pages_of_groups_go_both_ways_and_take_a_limit_of_zero(api: Served) -> None:
    made = []
    for number in range(5):
        api.house.clock.now += 1
        made.append(api.post(GROUPS, {"name": f"g{number}"})["id"])
    first = api.get(GROUPS, limit=2)
    assert [item["id"] for item in first["data"]] == made[:2]
    api.delete(f"{GROUPS}/{made[1]}")
    assert [item["id"] for item in api.get(GROUPS, after=first["next"])["data"]] == made[2:]
    newest = api.get(GROUPS, limit=1, order="desc")
    assert [item["id"] for item in newest["data"]] == made[-1:]
    assert api.get(GROUPS, limit=0) == {"object": "list", "data": [], "has_more": True, "next": None}
    assert refused(api, "GET", f"{GROUPS}?after=group_none")[0] == 400
    assert refused(api, "GET", f"{GROUPS}?limit=1001")[0] == 400


def test_what_one_organization_has_another_does_not_see(api: Served) -> None:
    bob = add(api)
    page = people.list_page(api.house.control, api.house.caller, limit=10)
    assert bob in {item.person.id for item in page.items}
    assert api.get(USERS, emails=["nobody@example.com"])["data"] == []
