"""Where an invitation's link leads, on a running house: a page with a form, and JSON for programs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from keyhouse.control import invites, people
from keyhouse.control.invites import LIFETIME
from tests.houses import RunningHouse, running_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
JOINS = {"name": "Bob <b>", "password": "a long password"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningHouse]:
    async with running_house(tmp_path_factory.mktemp("house"), public_url="https://keys.example.com/house") as house:
        yield house


async def link(house: RunningHouse, email: str) -> str:
    """The path to which somebody's invitation leads."""
    sent = await house.do(invites.create, email, "reader")
    assert sent.url.startswith("https://keys.example.com/house/invite/")
    return "/invite/" + str(sent.url).rpartition("/")[2]


def client(house: RunningHouse) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.port}", trust_env=False, verify=False)


async def test_a_person_joins_by_the_page(house: RunningHouse) -> None:
    path = await link(house, "bob@example.com")
    async with client(house) as browser:
        page = await browser.get(path)
        assert page.status_code == 200
        assert "bob@example.com" in page.text
        assert "name='password' type='password'" in page.text
        assert "<script" not in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert "form-action 'self'" in page.headers["content-security-policy"]
        wrong = await browser.post(path, data={"name": "Bob", "password": "short"})
        assert (wrong.status_code, "10 to 1,024 characters" in wrong.text) == (400, True)
        done = await browser.post(path, data=JOINS)
        assert (done.status_code, "Welcome, Bob &lt;b&gt;" in done.text) == (200, True)
        again = await browser.get(path)
        assert (again.status_code, "accepted already" in again.text) == (409, True)
    found = await house.do(people.list_page, emails=["bob@example.com"])
    assert [item.person.name for item in found.items] == ["Bob <b>"]


async def test_a_program_joins_by_json(house: RunningHouse) -> None:
    path = await link(house, "robo@example.com")
    async with client(house) as program:
        refused = await program.post(path, json={"name": "Robo", "password": 3})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "password")
        assert (await program.post(path, json={**JOINS, "role": "owner"})).json()["error"]["param"] == "role"
        assert (await program.post(path, json=[])).status_code == 400
        done = await program.post(path, json=JOINS)
        assert (done.status_code, done.json()["email"]) == (200, "robo@example.com")
        assert (await program.post(path, json=JOINS)).status_code == 409
        assert (await program.post("/invite/khinv_none", json=JOINS)).status_code == 404
        wrong = await program.delete(path)
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_an_expired_link_is_told_to_be_so(house: RunningHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await link(house, "late@example.com")
    now = house.gateway.control.clock()
    monkeypatch.setattr(invites, "_opened", _later(now + LIFETIME))
    async with client(house) as browser:
        assert (await browser.get(path)).status_code == 400
        assert (await browser.post(path, json=JOINS)).json()["error"]["param"] == "token"


def _later(at: int):  # type: ignore[no-untyped-def]  # wraps a private function
    real = invites._opened
    return lambda tx, token, _now: real(tx, token, at)


async def test_who_has_no_link_makes_nobody_hash_a_password(
    house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argon2.PasswordHasher.hash", lambda *_: pytest.fail("hashed"))
    async with client(house) as stranger:
        answers = [await stranger.post(f"/invite/khinv_{n}", json=JOINS) for n in range(20)]
    assert {answer.status_code for answer in answers} == {404}
