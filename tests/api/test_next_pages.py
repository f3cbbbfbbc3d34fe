"""Lists that are continued by `next`: roles, who holds them, groups and people. A page ends at a place, not at an object."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.sdks.people import READ, person
from tests.api.served import Served

ROLES, GROUPS = "/organization/roles", "/organization/groups"


@dataclass(frozen=True)
class Place:
    """What the lists are about, made before a walk."""

    api: Served
    user: str
    group: str

    @property
    def project(self) -> str:
        return f"/projects/{self.api.house.project_id}"


Make = Callable[[Place, int], tuple[str, str]]


@dataclass(frozen=True)
class Kind:
    """`path` of the list; `make` makes the nth thing of it, and returns its id in the list and the path that ends it."""

    name: str
    path: Callable[[Place], str]
    make: Make
    id: str = "id"


def _role(of: Callable[[Place], str]) -> Make:
    def make(place: Place, n: int) -> tuple[str, str]:
        body = {"role_name": f"r{n}", "permissions": [READ]}
        made = str(place.api.post(of(place), body)["id"])
        return made, f"{of(place)}/{made}"

    return make


def _held(roles: Callable[[Place], str], path: Callable[[Place], str]) -> Make:
    def make(place: Place, n: int) -> tuple[str, str]:
        role, _ = _role(roles)(place, n)
        place.api.post(path(place), {"role_id": role})
        return role, f"{path(place)}/{role}"

    return make


def _organization(_: Place) -> str:
    return ROLES


def _project(place: Place) -> str:
    return f"{place.project}/roles"


def _group(place: Place, n: int) -> tuple[str, str]:
    made = str(place.api.post(GROUPS, {"name": f"group {n}"})["id"])
    return made, f"{GROUPS}/{made}"


def _in_group(place: Place, n: int) -> tuple[str, str]:
    path, user = f"{GROUPS}/{place.group}/users", person(place.api, f"member{n}")
    place.api.post(path, {"user_id": user})
    return user, f"{path}/{user}"


def _in_project(place: Place, n: int) -> tuple[str, str]:
    group, _ = _group(place, n)
    path = f"{place.api.project}/groups"
    place.api.post(path, {"group_id": group, "role": "role-project-viewer"})
    return group, f"{path}/{group}"


def _of(whose: str) -> Callable[[Place], str]:
    return lambda place: f"/organization/{whose}s/{getattr(place, whose)}/roles"


def _there(whose: str) -> Callable[[Place], str]:
    return lambda place: f"{place.project}/{whose}s/{getattr(place, whose)}/roles"


KINDS = (
    Kind("roles", _organization, _role(_organization)),
    Kind("roles of a project", _project, _role(_project)),
    Kind("roles of a person", _of("user"), _held(_organization, _of("user"))),
    Kind("roles of a group", _of("group"), _held(_organization, _of("group"))),
    Kind("roles of a person in a project", _there("user"), _held(_project, _there("user"))),
    Kind("roles of a group in a project", _there("group"), _held(_project, _there("group"))),
    Kind("groups", lambda _: GROUPS, _group),
    Kind("people of a group", lambda place: f"{GROUPS}/{place.group}/users", _in_group),
    Kind("groups of a project", lambda place: f"{place.api.project}/groups", _in_project, "group_id"),
)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture
def place(api: Served) -> Place:
    return Place(api, person(api, "bob"), str(api.post(GROUPS, {"name": "Keepers"})["id"]))


@every_kind
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2])
def test_who_deletes_and_makes_on_the_way_sees_each_thing_once(
    place: Place, kind: Kind, order: str, limit: int
) -> None:
    api, path = place.api, kind.path(place)
    made: dict[str, str] = {}
    for n in range(5):
        api.house.clock.now += n % 2  # some of the same second
        one, ends_it = kind.make(place, n)
        made[one] = ends_it
    seen: list[str] = []
    after: dict[str, Any] = {}
    for n in range(10, 30):
        page = api.get(path, limit=limit, order=order, **after)
        found = [item[kind.id] for item in page["data"]]
        seen += found
        for one in found:
            if one in made:
                api.delete(made[one])
        api.house.clock.now += 1
        if n < 12:
            kind.make(place, n)
        if not page["has_more"]:
            break
        after = {"after": page["next"]}
    assert (page["has_more"], page["next"]) == (False, None)
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)
    assert not {item[kind.id] for item in api.get(path)["data"]} & set(made)


@every_kind
def test_pages_in_either_order_are_the_whole_list(place: Place, kind: Kind) -> None:
    for n in range(4):
        kind.make(place, n)
    whole = place.api.get(kind.path(place), order="asc")["data"]
    for order, expected in (("asc", whole), ("desc", whole[::-1])):
        found: list[Any] = []
        after: dict[str, Any] = {}
        for _ in expected:
            page = place.api.get(kind.path(place), limit=1, order=order, **after)
            found += page["data"]
            after = {"after": page["next"]}
        assert found == expected
        assert after == {"after": None}


@every_kind
def test_what_is_no_place_in_the_list_is_refused(place: Place, kind: Kind) -> None:
    kind.make(place, 0)
    values: list[object] = [[], [1], [1, 2, 3], ["a", "b", "c"], {"a": 1}, [[], {}, None], [1, 2, 3, "a"], None]
    cursors = ["at_" + base64.urlsafe_b64encode(json.dumps(value).encode()).decode() for value in values]
    for cursor in [*cursors, "at_", "at_x", "at_🔑", "nothing", "x" * 5000]:
        answer = place.api.call("GET", kind.path(place), params={"after": cursor})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "after"), cursor
