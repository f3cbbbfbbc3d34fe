"""Every route × every caller × every place: who may, who may not, and that nothing of elsewhere is told.

What is expected is worked out from tables that are written by hand (`matrix/roles.py`), and from nothing that is tested. For
each route there are two callers more: one who holds only what it asks for, and one who holds all but that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.routing import Route

from keyhouse.api import administration
from keyhouse.domain import operations
from keyhouse.domain.authority import Permission
from tests.api.matrix import roles
from tests.api.matrix.asking import Answer
from tests.api.matrix.cells import FOREIGN, MINE, OTHER, OWN, Asked, Place, expected, places
from tests.api.matrix.house import MatrixHouse
from tests.api.matrix.requests import BODIES, Objects, filled, parameters, query
from tests.api.matrix.roles import Caller, row_of
from tests.houses import running_house

pytestmark = pytest.mark.asyncio(loop_scope="module")

_CREATES_OWN = "/v1/organization/projects/{project_id}/api_keys"
_IN_A_PROJECT = ("project", "key", "account", "budget", "request", "project_alert", "project_role")
DATA_PLANE = {
    "POST /v1/chat/completions": ("chat", "write"),
    "POST /v1/completions": ("completions", "write"),
    "POST /v1/embeddings": ("embeddings", "write"),
    "GET /v1/models": ("models", "read"),
    "GET /v1/models/{id}": ("models", "read"),
}
"""The scope that a call of a model asks for."""


def served() -> list[tuple[str, str]]:
    """Method and path of every operation outside the data plane that asks who calls."""
    routes = administration.read_routes(None)  # type: ignore[arg-type]  # it is kept for requests; none is made here
    listed = {(operation.method, operation.path) for operation in administration.OPERATIONS}
    return sorted(
        listed | {("GET", route.path) for route, _ in routes} | {("GET", "/metrics")}, key=lambda one: one[::-1]
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MatrixHouse]:
    async with running_house(tmp_path_factory.mktemp("matrix")) as running:
        matrix = MatrixHouse(running)
        await matrix.furnish()
        yield matrix


async def test_the_table_knows_every_permission() -> None:
    assert {permission.value for permission in Permission} == roles.EVERYTHING, (
        "A permission came or went: say in tests/api/matrix/roles.py what it is about."
    )


async def test_every_route_of_the_router_is_asked(house: MatrixHouse) -> None:
    front: Any = administration.build(house.control, lambda *_: None)  # type: ignore[arg-type]
    routes = [route for route in front._router.routes if isinstance(route, Route)]
    routed = {(method, route.path) for route in routes for method in (route.methods or set()) - {"HEAD"}}
    assert routed == set(served()) - {("GET", "/metrics")}


@pytest.mark.parametrize(("method", "path"), served(), ids=[" ".join(one) for one in served()])
async def test_who_may_and_who_may_not(house: MatrixHouse, method: str, path: str) -> None:
    row = row_of(method, path)
    assert row is not None, (
        f"{method} {path} is in no row: say in tests/api/matrix/roles.py which permission it asks for"
        f"{', and in requests.py what its body is at least' if method == 'POST' else ''}."
    )
    route = Asked(method, path, row)
    needed = frozenset({route.word}) | row.gives
    callers = [
        *house.callers,
        house.holder(f"who holds only {', '.join(sorted(needed))}", needed),
        house.holder(f"who holds all but {route.word}", roles.EVERYTHING - {route.word}),
    ]
    wrong = [
        said for place in places(route) for caller in callers async for said in _wrong(house, route, place, caller)
    ]
    assert wrong == []


@pytest.mark.parametrize(("method", "path"), served(), ids=[" ".join(one) for one in served()])
async def test_a_further_organizations_owner_has_all_but_the_house(house: MatrixHouse, method: str, path: str) -> None:
    """Its own is its own, and what serves all is closed; of the organization that runs the house it finds nothing."""
    row = row_of(method, path)
    assert row is not None
    route, owner = Asked(method, path, row), house.foreign_owner
    closed = route.word in roles.OF_HOUSE or path == "/metrics"
    at_home = Place(FOREIGN, FOREIGN, FOREIGN, FOREIGN)
    answer, is_whole = await _answer(house, route, at_home, house.places[FOREIGN], owner)
    assert answer.status in ({403} if closed else {200} if is_whole else {200, 400, 404, 409}), answer.body
    for place in (OWN, OTHER):
        told = {
            found for kind, found in house.places[place].items() if kind != "name" and found.encode() in answer.body
        }
        assert told == set()
    if parameters(path):
        answer, _ = await _answer(house, route, Place(OWN, OWN, OWN, OWN), house.places[OWN], owner)
        assert answer.status == (403 if closed else 404), answer.body


async def test_an_admin_key_begets_no_more_than_itself(house: MatrixHouse) -> None:
    """Who may write admin keys, but has less than its owner, gets no other key into their hands that may do more."""
    word = f"{roles.ORGANIZATION}.admin_api_keys.write"
    keeper = house.holder("keeper", frozenset({word}))
    path = f"/v1/organization/admin_api_keys/{house.owners_key_id}"
    for method, target, body in (
        ("POST", f"{path}/rotate", None),
        ("POST", f"{path}/enable", None),
        ("POST", path, {"name": "mine"}),
    ):
        assert (await house.ask(method, target, keeper.key, body=body)).status == 403, target
    cut = house.person_with_cut_key(frozenset({word}))
    assert (await house.ask("POST", "/v1/organization/admin_api_keys", cut, body={"name": "whole"})).status == 403
    assert (await house.ask("POST", f"{path}/disable", keeper.key)).status == 200


@pytest.mark.parametrize("operation", operations.OPERATIONS, ids=lambda operation: operation.name)
async def test_which_keys_may_call(house: MatrixHouse, operation: operations.Operation) -> None:
    route = f"{operation.method} {operation.path}"
    assert route in DATA_PLANE, f"{route} is in no row: say in DATA_PLANE which scope it asks for."
    resource, access = DATA_PLANE[route]
    wrong = []
    async with httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False) as client:
        for name, key, may in await house.data_plane_keys(resource, access):
            headers = {"authorization": f"Bearer {key}"} if key else {}
            body = None if operation.method == "GET" else {"model": "none", "messages": [], "prompt": "", "input": ""}
            path = operation.path.replace("{id}", "none")
            status = (await client.request(operation.method, path, headers=headers, json=body)).status_code
            right = {401} if not key else {200, 400, 404} if may else {403}
            wrong += [] if status in right else [f"{name}: {status} instead of {sorted(right)}"]
    assert wrong == []


async def _wrong(house: MatrixHouse, route: Asked, place: Place, caller: Caller) -> AsyncIterator[str]:
    if place.name == MINE and not caller.own_key:
        return
    objects = dict(house.places[place.objects]) | ({"key": caller.own_key} if place.name == MINE else {})
    answer, is_whole = await _answer(house, route, place, objects, caller)
    right = expected(route, place, caller)
    if right == {200} and not is_whole:
        right = {
            200,
            400,
            404,
            409,
        }  # what nobody put into the tables may be incomplete: it is past its guard all the same
    if answer.status not in right:
        said = answer.body[:200].decode()
        yield f"{caller.name}, {place.name}: {answer.status} instead of {sorted(right)}: {said}"
    if place.name == OWN:
        for told in sorted(_hidden(house, caller)):
            if told.encode() in answer.body:
                yield f"{caller.name}, {place.name}: tells of {told}"


async def _answer(
    house: MatrixHouse, route: Asked, place: Place, objects: Objects, caller: Caller
) -> tuple[Answer, bool]:
    """The answer, and whether all was asked that the route takes at least."""
    project = house.places[place.project]["project"]
    make = BODIES.get(route.path) if route.method == "POST" else None
    body = None if make is None else make(house.places[place.body])
    path, asks = filled(route.path, project, objects), query(route.method, route.path, project)
    answer = await house.ask(route.method, path, caller.key, body=body, query=asks)
    return answer, not ("none_" in path or (route.method == "POST" and make is None))


def _hidden(house: MatrixHouse, caller: Caller) -> set[str]:
    """Ids that no answer about the own organization and project may have in it."""
    other = house.places[OTHER]
    hidden = {found for kind, found in house.places[FOREIGN].items() if kind != "name"}
    return hidden if caller.everywhere else hidden | {other[kind] for kind in _IN_A_PROJECT}
