"""A person's key calls models while a role of theirs lets them have keys in its project; what takes that away holds at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from keyhouse.control import groups, keys, people, project_groups, project_users, projects, role_assignments, roles
from keyhouse.control.held_roles import Principal
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.people import PrincipalKind
from tests.e2e.upstream import FakeUpstream, delta, streams_on
from tests.edge.raw import Raw, post
from tests.edge.test_refusals import bearer, chat
from tests.houses import RunningHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")
OWN_KEYS = "api.organization.projects.own_api_keys.write"
READS = "api.organization.projects.read"
_numbers = count(1)


@dataclass
class Person:
    """Somebody without a role in the project, with a key there."""

    house: RunningHouse
    id: str
    project: str
    key: str = field(repr=False)

    @property
    def principal(self) -> Principal:
        return Principal(PrincipalKind.USER, self.id)

    async def do(self, verb: Callable[..., Any], *args: object, **named: object) -> Any:
        return await self.house.do(verb, *args, **named)

    async def calls(self) -> bool:
        """Whether the gate lets their key pass; no upstream serves the model."""
        answer = await chat(self.house, self.key)
        if answer.status == 403:
            assert answer.code == "insufficient_permissions"
            assert f"may have no keys in project {self.project}" in answer.error["message"]
        return answer.status != 403


@pytest_asyncio.fixture(loop_scope="module")
async def bob(house: RunningHouse) -> AsyncIterator[Person]:
    n = next(_numbers)
    project = await house.do(projects.create, f"Roles {n}")
    added = await house.do(people.add, f"bob{n}@example.com", "Bob", "member")
    holder = Holder(KeyKind.USER, project.id, added.view.person.id)
    made = await house.do(keys.create, holder, KeyFields(name="bob's"))
    yield Person(house, added.view.person.id, project.id, made.value)


Way = Callable[[Person], Awaitable[Callable[[], Awaitable[object]]]]
"""Gives a person a role that lets them have keys, one way; returns how it is taken away."""


async def member_of_the_project(bob: Person) -> Callable[[], Awaitable[object]]:
    await bob.do(project_users.add, bob.project, "member", user_id=bob.id)
    return lambda: bob.do(project_users.update, bob.project, bob.id, "viewer")


async def owner_of_the_organization(bob: Person) -> Callable[[], Awaitable[object]]:
    await bob.do(people.update, bob.id, role="owner")
    return lambda: bob.do(people.update, bob.id, role="reader")


async def role_of_the_project(bob: Person) -> Callable[[], Awaitable[object]]:
    role = await bob.do(roles.create, bob.project, {"role_name": "caller", "permissions": [OWN_KEYS]})
    await bob.do(role_assignments.assign, bob.project, bob.principal, role.id)
    return lambda: bob.do(role_assignments.remove, bob.project, bob.principal, role.id)


async def role_that_changes(bob: Person) -> Callable[[], Awaitable[object]]:
    role = await bob.do(roles.create, bob.project, {"role_name": "caller", "permissions": [OWN_KEYS]})
    await bob.do(role_assignments.assign, bob.project, bob.principal, role.id)
    return lambda: bob.do(roles.update, bob.project, role.id, {"permissions": [READS]})


async def role_that_is_deleted(bob: Person) -> Callable[[], Awaitable[object]]:
    role = await bob.do(roles.create, None, {"role_name": f"caller {bob.id}", "permissions": [OWN_KEYS]})
    await bob.do(role_assignments.assign, None, bob.principal, role.id)
    return lambda: bob.do(roles.delete, None, role.id)


async def _through_a_group(bob: Person) -> str:
    group = await bob.do(groups.create, f"Callers {bob.id}")
    await bob.do(groups.add_person, group.id, bob.id)
    await bob.do(project_groups.add, bob.project, group.id, "role-project-member")
    return str(group.id)


async def group_that_is_left(bob: Person) -> Callable[[], Awaitable[object]]:
    group_id = await _through_a_group(bob)
    return lambda: bob.do(groups.remove_person, group_id, bob.id)


async def group_that_is_deleted(bob: Person) -> Callable[[], Awaitable[object]]:
    group_id = await _through_a_group(bob)
    return lambda: bob.do(groups.delete, group_id)


async def group_that_leaves_the_project(bob: Person) -> Callable[[], Awaitable[object]]:
    group_id = await _through_a_group(bob)
    return lambda: bob.do(project_groups.remove, bob.project, group_id)


WAYS: tuple[Way, ...] = (
    member_of_the_project,
    owner_of_the_organization,
    role_of_the_project,
    role_that_changes,
    role_that_is_deleted,
    group_that_is_left,
    group_that_is_deleted,
    group_that_leaves_the_project,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_a_key_calls_while_its_person_holds_a_role_that_lets_them(bob: Person, way: Way) -> None:
    assert not await bob.calls()
    take_away = await way(bob)
    assert await bob.calls()
    await take_away()
    assert not await bob.calls()
    await bob.do(role_assignments.assign, bob.project, bob.principal, "role-project-member")
    assert await bob.calls()


async def test_a_call_that_runs_when_the_role_is_taken_away_ends_within_a_second(bob: Person) -> None:
    upstream = FakeUpstream()
    upstream.start()
    try:
        model = upstream.model(streams_on([delta("Once ")]), name="roles-{}")
        await bob.house.upstream(upstream.port, model)
        take_away = await member_of_the_project(bob)
        async with Raw(bob.house.port) as raw:
            await raw.say(post(b'{"model":"%b","messages":[],"stream":true}' % model.encode(), bearer(bob.key)))
            await raw.reader.readuntil(b"Once ")
            await take_away()
            async with asyncio.timeout(1):
                await raw.reader.readuntil(b"no longer")
    finally:
        upstream.stop()
