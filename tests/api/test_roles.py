"""Roles over HTTP, and through OpenAI's own SDK."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from keyhouse.domain.authority import OF_PROJECTS, Permission
from tests.api.served import Served
from tests.api.test_budgets import admin, refused

__all__ = ["admin"]

PATHS = ["/organization/roles", "/projects/{project}/roles"]
READ, WRITE = Permission.KEYS_READ.value, Permission.KEYS_WRITE.value
ROLE = {"role_name": "keeper", "permissions": [READ, WRITE, READ], "description": "Keeps keys."}


@pytest.fixture(params=PATHS, ids=["organization", "project"])
def path(api: Served, request: pytest.FixtureRequest) -> str:
    return str(request.param).format(project=api.house.project_id)


def test_a_role_lives_in_openais_shape(api: Served, path: str) -> None:
    kind = "api.organization" if "organization" in path else "api.project"
    made = api.post(path, ROLE)
    assert made == {
        "object": "role", "id": made["id"], "name": "keeper", "description": "Keeps keys.",
        "permissions": [READ, WRITE], "resource_type": kind, "predefined_role": False,
    }  # fmt: skip
    one = f"{path}/{made['id']}"
    assert api.get(one) == made
    assert api.post(one, {"role_name": "reader 2", "permissions": [READ]})["permissions"] == [READ]
    assert api.post(one, {"role_name": None, "permissions": None})["name"] == "reader 2"
    assert api.get(one)["description"] == "Keeps keys."
    assert api.post(one, {"description": None})["description"] is None
    assert api.delete(one) == {"id": made["id"], "object": "role.deleted", "deleted": True}
    assert refused(api, "GET", one)[0] == refused(api, "POST", one, {})[0] == refused(api, "DELETE", one)[0] == 404
    assert [event.type.value for event in api.house.events()][-5:] == [
        "role.created", *["role.updated"] * 3, "role.deleted",
    ]  # fmt: skip


def test_events_say_what_openais_say(api: Served) -> None:
    made = api.post("/organization/roles", ROLE)
    api.post(f"/organization/roles/{made['id']}", {"role_name": "k", "permissions": [READ], "description": None})
    created, updated = api.house.events()[-2:]
    place = {"resource_type": "api.organization", "resource_id": api.house.caller.organization_id}
    assert created.details == {"role_name": "keeper", "permissions": [READ, WRITE], **place}
    assert updated.details == {
        "changes_requested": {
            "role_name": "k", "description": "", "permissions_added": [], "permissions_removed": [WRITE], **place,
        }
    }  # fmt: skip


def test_predefined_roles_come_first_and_stay_as_they_are(api: Served, path: str) -> None:
    made = api.post(path, ROLE)
    listed = api.get(path)["data"]
    assert [role["predefined_role"] for role in listed] == [True, True, True, False]
    assert listed[-1] == made
    owner = listed[0]
    assert api.get(f"{path}/{owner['id']}") == owner
    before = len(api.house.events())
    status, _, sentence = refused(api, "POST", f"{path}/{owner['id']}", {"permissions": []})
    assert (status, "predefined" in sentence) == (409, True)
    assert refused(api, "DELETE", f"{path}/{owner['id']}")[0] == 409
    assert len(api.house.events()) == before
    assert api.get(path)["data"] == listed


def test_pages_follow_next(api: Served, path: str) -> None:
    for number in range(3):
        api.house.clock.now += 1
        api.post(path, {**ROLE, "role_name": f"r{number}"})
    whole = api.get(path)
    assert (whole["has_more"], whole["next"]) == (False, None)
    first = api.get(path, limit=4)
    assert first["has_more"]
    rest = api.get(path, limit=4, after=first["next"])
    assert first["data"] + rest["data"] == whole["data"]
    assert api.get(path, limit=4, after=first["data"][-1]["id"]) == rest
    assert (rest["has_more"], rest["next"]) == (False, None)
    assert api.get(path, order="desc")["data"] == whole["data"][::-1]
    assert api.get(path, limit=0) == {"object": "list", "data": [], "has_more": True, "next": None}
    for query, param in (
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("after=role_x", "after"),
        ("order=up", "order"),
        ("x=1", "x"),
    ):
        assert refused(api, "GET", f"{path}?{query}")[:2] == (400, param)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"role_name": ""}, "role_name"),
        ({"role_name": "   "}, "role_name"),
        ({"role_name": "x" * 10_000}, "role_name"),
        ({"role_name": "a\x00b"}, "role_name"),
        ({"role_name": 7}, "role_name"),
        ({"role_name": ["keeper"]}, "role_name"),
        ({"description": 7}, "description"),
        ({"description": "x" * 10_000}, "description"),
        ({"permissions": "api.groups.read"}, "permissions"),
        ({"permissions": {}}, "permissions"),
        ({"permissions": 7}, "permissions"),
        ({"permissions": [READ, "api.everything"]}, "permissions[1]"),
        ({"permissions": [READ, "api.organization.upstreams.write"]}, "permissions[1]"),
        ({"permissions": ["api.organization.prices.write"]}, "permissions[0]"),
        ({"permissions": [7]}, "permissions[0]"),
        ({"permissions": [None]}, "permissions[0]"),
        ({"permissions": [[READ]]}, "permissions[0]"),
        ({"name": "keeper"}, "name"),
    ],
)
def test_what_makes_no_role_is_refused(unchanged: Served, changes: dict[str, Any], param: str) -> None:
    for path in ("/organization/roles", f"/projects/{unchanged.house.project_id}/roles"):
        before = unchanged.get(path)
        assert refused(unchanged, "POST", path, {**ROLE, **changes})[:2] == (400, param)
        assert unchanged.get(path) == before


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "role_name"),
        ({"role_name": "a"}, "permissions"),
        ([], "body"),
        ({"role_name": "a", "permissions": None}, "permissions"),
    ],
)
def test_what_is_missing_is_named(unchanged: Served, body: object, param: str) -> None:
    assert refused(unchanged, "POST", "/organization/roles", body)[:2] == (400, param)


@pytest.mark.parametrize("name", ["👩‍🚀 crew", "مراجع", "x" * 256])
def test_a_role_is_called_as_people_write(api: Served, path: str, name: str) -> None:
    assert api.post(path, {"role_name": name, "permissions": []})["name"] == name


def test_a_name_is_taken_once_in_a_place(api: Served, path: str) -> None:
    made = api.post(path, ROLE)
    assert refused(api, "POST", path, {**ROLE, "role_name": "Keeper"})[:2] == (409, "role_name")
    assert refused(api, "POST", path, {**ROLE, "role_name": "owner"})[:2] == (409, "role_name")
    other = api.post(path, {**ROLE, "role_name": "other"})
    assert refused(api, "POST", f"{path}/{other['id']}", {"role_name": "keeper"})[:2] == (409, "role_name")
    assert api.post(f"{path}/{made['id']}", {"role_name": "KEEPER"})["name"] == "KEEPER"
    second = api.post("/organization/projects", {"name": "Search"})["id"]
    assert api.post(f"/projects/{second}/roles", ROLE)["name"] == "keeper"


def test_a_role_of_a_project_grants_what_is_in_projects(api: Served) -> None:
    path = f"/projects/{api.house.project_id}/roles"
    words = sorted(permission.value for permission in OF_PROJECTS)
    assert api.post(path, {"role_name": "all", "permissions": words})["permissions"] == words
    for foreign in (Permission.ROLES_WRITE, Permission.PROJECTS_CREATE):
        body = {"role_name": "more", "permissions": [READ, foreign.value]}
        assert refused(api, "POST", path, body)[:2] == (400, "permissions[1]")
        assert api.post("/organization/roles", {**body, "role_name": foreign.value})


def test_roles_of_other_places_are_not_found(api: Served) -> None:
    project = f"/projects/{api.house.project_id}/roles"
    of_project, of_all = api.post(project, ROLE)["id"], api.post("/organization/roles", ROLE)["id"]
    second = api.post("/organization/projects", {"name": "Search"})["id"]
    for path in (
        f"/organization/roles/{of_project}", f"{project}/{of_all}", f"/projects/{second}/roles/{of_project}",
        f"{project}/role-organization-owner", "/organization/roles/role-project-owner",
    ):  # fmt: skip
        assert [
            refused(api, method, path, body)[0] for method, body in (("GET", None), ("POST", {}), ("DELETE", None))
        ] == [404] * 3
    assert refused(api, "POST", "/projects/proj_none/roles", ROLE)[0] == 404
    assert refused(api, "GET", "/projects/proj_none/roles")[0] == 404


def test_an_archived_project_gets_no_roles(api: Served) -> None:
    second = api.post("/organization/projects", {"name": "Search"})["id"]
    made = api.post(f"/projects/{second}/roles", ROLE)["id"]
    api.post(f"/organization/projects/{second}/archive")
    assert refused(api, "POST", f"/projects/{second}/roles", {**ROLE, "role_name": "b"})[0] == 409
    assert refused(api, "POST", f"/projects/{second}/roles/{made}", {"role_name": "b"})[0] == 409
    assert api.get(f"/projects/{second}/roles/{made}")["name"] == "keeper"
    assert api.delete(f"/projects/{second}/roles/{made}")["deleted"]


def test_sdk_manages_roles(api: Served, admin: openai.OpenAI) -> None:
    roles = admin.admin.organization.roles
    made = roles.create(role_name="keeper", permissions=[READ])
    assert roles.update(made.id, description="Keeps.").description == "Keeps."
    assert [role.name for role in roles.list(limit=1)] == ["owner", "reader", "member", "keeper"]
    assert roles.retrieve(made.id).permissions == [READ]
    assert roles.delete(made.id).deleted
    of_project = admin.admin.organization.projects.roles
    project_id = api.house.project_id
    made = of_project.create(project_id, role_name="keeper", permissions=[READ])
    assert of_project.update(made.id, project_id=project_id, role_name="k").name == "k"
    assert [role.name for role in of_project.list(project_id, limit=2)] == ["owner", "member", "viewer", "k"]
    assert of_project.retrieve(made.id, project_id=project_id).resource_type == "api.project"
    assert of_project.delete(made.id, project_id=project_id).deleted
