"""Running calls by key: what narrows a key's access ends those that it concerns, and no other."""

from __future__ import annotations

import asyncio
from typing import Any

from keyhouse.domain.usage import Outcome
from keyhouse.edge import inflight
from keyhouse.edge.inflight import Inflight
from keyhouse.policy.keyring import Credential, credential_of
from keyhouse.policy.peppers import Peppers
from tests.policy.credentials import NOW, PEPPER, made

PEPPERS = Peppers("p1", {"p1": PEPPER})


class Running:
    """A call that notes how it was cut."""

    def __init__(self, key_id: str, address: str = "192.0.2.1", **facts: Any) -> None:
        self.address = address
        self.credential: Credential | None = credential_of(made(PEPPERS, key_id, **facts)[1])
        self.cuts: list[Outcome] = []

    @property
    def public_id(self) -> str:
        assert self.credential is not None
        return self.credential.public_id

    def cut(self, outcome: Outcome) -> None:
        self.cuts.append(outcome)


def running(*calls: Running) -> Inflight:
    calls_of = Inflight()
    for call in calls:
        assert call.credential is not None
        calls_of.add(call.credential.key_id, call)
    return calls_of


def test_a_keys_calls_are_cut_and_nobody_elses() -> None:
    one, two, other = Running("key_a"), Running("key_a"), Running("key_b")
    running(one, two, other).cut("key_a", Outcome.REVOKED)
    assert (one.cuts, two.cuts, other.cuts) == ([Outcome.REVOKED], [Outcome.REVOKED], [])


def test_one_secrets_calls_are_cut_while_the_keys_other_secret_goes_on() -> None:
    old, new = Running("key_a"), Running("key_a")
    calls = running(old, new)
    assert calls.public_ids("key_a") == {old.public_id, new.public_id}
    calls.cut("key_a", Outcome.REVOKED, old.public_id)
    assert (old.cuts, new.cuts) == ([Outcome.REVOKED], [])


def test_calls_that_ended_are_forgotten() -> None:
    one, two = Running("key_a"), Running("key_a")
    calls = running(one, two)
    calls.discard("key_a", one)
    assert (calls.count, calls.public_ids("key_a")) == (1, {two.public_id})
    calls.discard("key_a", two)
    assert (calls.count, calls.public_ids("key_a")) == (0, set())
    calls.cut("key_a", Outcome.REVOKED)
    assert one.cuts == two.cuts == []


def test_a_projects_keys_are_those_with_calls_of_that_project() -> None:
    projects = {"key_a": "proj_1", "key_b": "proj_2", "key_c": "proj_1"}
    calls = running(*(Running(key_id, project_id=project) for key_id, project in projects.items()))
    assert calls.keys_of_project("proj_1") == {"key_a", "key_c"}
    assert calls.keys_of_project("proj_3") == set()


def test_a_call_that_goes_on_has_the_new_facts_of_its_own_secret() -> None:
    mine, siblings = Running("key_a"), Running("key_a")
    before = siblings.credential
    assert mine.credential is not None
    fresh = credential_of(made(PEPPERS, "key_a", valid_until=NOW)[1])
    fresh.public_id = mine.public_id
    running(mine, siblings).renew("key_a", fresh)
    assert mine.credential is fresh
    assert siblings.credential is before


def test_calls_from_where_a_key_may_no_longer_be_used_are_ended() -> None:
    inside, outside, unknown = (Running("key_a", address) for address in ("10.1.2.3", "203.0.113.9", ""))
    calls = running(inside, outside, unknown)
    for call in (inside, outside, unknown):
        fresh = credential_of(made(PEPPERS, "key_a", ip_allowlist=("10.0.0.0/8",))[1])
        fresh.public_id = call.public_id
        calls.renew("key_a", fresh)
        assert call.credential is fresh
    assert (inside.cuts, outside.cuts, unknown.cuts) == ([], [Outcome.REVOKED], [Outcome.REVOKED])


async def test_calls_end_with_their_secret(monkeypatch: Any) -> None:
    monkeypatch.setattr(inflight, "LOOK_EVERY", 0.01)
    ended, later, endless = Running("key_a", expires_at=NOW), Running("key_b", valid_until=NOW + 60), Running("key_c")
    looking = asyncio.create_task(running(ended, later, endless).expire(lambda: NOW))
    async with asyncio.timeout(5):
        while not ended.cuts:
            await asyncio.sleep(0.005)
    looking.cancel()
    assert (ended.cuts[0], later.cuts, endless.cuts) == (Outcome.REVOKED, [], [])


def test_at_the_end_every_call_is_cut() -> None:
    calls = [Running(f"key_{n}") for n in range(5)]
    running(*calls).cut_all(Outcome.INTERRUPTED)
    assert [call.cuts for call in calls] == [[Outcome.INTERRUPTED]] * 5
