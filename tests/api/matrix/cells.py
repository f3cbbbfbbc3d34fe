"""The places that a route is asked about, and what is right for each caller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.api.matrix.requests import BODIES, parameters, query
from tests.api.matrix.roles import Caller, Row

OWN, OTHER, FOREIGN = "own", "other", "foreign"
"""A project of the callers' organization, another one of it, and one of another organization."""
MINE = "own key"
_CREATES_OWN = "/v1/organization/projects/{project_id}/api_keys"
_KINDS = ("project", "user", "outsider", "group", "role", "project_role", "certificate")


class Place(NamedTuple):
    """Where a request reaches: the project in its path, whose objects stand in the path, and whose in the body."""

    name: str
    project: str
    objects: str
    body: str


class Asked(NamedTuple):
    """A route, and the row in which it stands."""

    method: str
    path: str
    row: Row

    @property
    def word(self) -> str:
        return self.row.asked(self.method)

    @property
    def in_project(self) -> bool:
        return "{project_id}" in self.path


def places(route: Asked) -> Iterator[Place]:
    """Every place in which this route can reach."""
    row, named = route.row, parameters(route.path)
    listed = row.anywhere and not named
    yield Place(OWN, OWN, OWN, OWN)
    if route.in_project or (listed and _names_a_project(route)):
        yield Place(OTHER, OTHER, OTHER, OTHER)
        yield Place(FOREIGN, FOREIGN, FOREIGN, FOREIGN)
    if route.in_project and named:
        yield Place("the other's in the own", OWN, OTHER, OWN)
    if row.anywhere and named:
        yield Place(OTHER, OWN, OTHER, OWN)
    if named:
        yield Place("the foreign's in the own", OWN, FOREIGN, OWN)
    if route.method == "POST" and not listed and _names_an_object(route.path):
        yield Place("the foreign's in the body", OWN, OWN, FOREIGN)
    if row.own and named == ["key_id"]:
        yield Place(MINE, OWN, OWN, OWN)


def expected(route: Asked, place: Place, caller: Caller) -> set[int]:
    """The statuses that are right: 200 where it is allowed and there."""
    if not caller.key:
        return {401}
    if caller.calls_models:
        return {403}
    if route.row.anywhere:
        return _expected_anywhere(route, place, caller)
    granted = caller.within(place.project) if route.in_project else caller.everywhere
    of_own = route.method != "GET" and route.row.own in granted
    if route.word not in granted and not of_own:
        return {403}
    if FOREIGN in {place.project, place.objects}:
        return {404}
    if place.body == FOREIGN:
        return {400, 404}
    if place.project != place.objects:
        return {404} | ({200} if route.row.shared else set())
    if route.word not in granted and place.name != MINE and route.path != _CREATES_OWN:
        return {403}
    return {200}


def _expected_anywhere(route: Asked, place: Place, caller: Caller) -> set[int]:
    if route.word not in caller.everywhere.union(*caller.projects.values()):
        return {403}
    if place.objects == FOREIGN and not route.row.blank:
        return {404}
    return {200} if route.word in caller.within(place.objects) else {403}


def _names_a_project(route: Asked) -> bool:
    return bool(query(route.method, route.path, "…")) if route.method == "GET" else route.path in BODIES


def _names_an_object(path: str) -> bool:
    """Whether a body has objects of the house in it, and not only its own name."""
    if path not in BODIES:
        return False
    one, another = ({kind: f"{kind} {of}" for kind in _KINDS} | {"name": "n"} for of in (OWN, FOREIGN))
    return bool(BODIES[path](one) != BODIES[path](another))
