"""Calls over TLS, from clients that show no certificate, a wrong one, or the right one, on connections new and old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from openai import DefaultHttpxClient, OpenAI, PermissionDeniedError

from keyhouse.app.serve import tls_of
from keyhouse.control import certificates, projects
from keyhouse.settings import Settings, SettingsError
from tests.edge.pki import CLIENT, SERVER, Pair, authority, client_context, signed
from tests.edge.raw import Raw, get, post
from tests.houses import RunningHouse, running_house

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVERS = authority("Servers")
STAFF = authority("Staff")
STRANGERS = authority("Strangers")
BRANCH = authority("Branch", STAFF)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningHouse]:
    folder = tmp_path_factory.mktemp("house")
    chain, key = signed(SERVERS, SERVER).written(folder)
    async with running_house(folder, tls_cert_file=chain, tls_key_file=key) as house:
        yield house


class Client(Raw):
    """A connection over TLS."""

    def __init__(self, house: RunningHouse, shows: Pair | None) -> None:
        super().__init__(house.port)
        self.context = client_context(SERVERS, shows, house.data.parent)

    async def __aenter__(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context)
        return self


@asynccontextmanager
async def active(house: RunningHouse, pair: Pair, project_id: str | None) -> AsyncIterator[None]:
    """While it lasts, the certificate is active in the project, or in the organization."""
    made = (await house.do(certificates.upload, pair.pem)).certificate
    await house.do(certificates.activate, project_id, [made.id])
    try:
        yield
    finally:
        await house.do(certificates.deactivate, project_id, [made.id])
        await house.do(certificates.delete, made.id)


async def verdict(house: RunningHouse, shows: Pair | None) -> str:
    async with Client(house, shows) as client:
        answer = await client.ask(get(b"/v1/models", house.bearer.strip()))
        return "served" if answer.status == 200 else f"{answer.status} {answer.code}"


INVALID, REQUIRED = "403 client_certificate_invalid", "403 client_certificate_required"
SHOWN: list[tuple[str, Callable[[], Pair | None], str]] = [
    ("none", lambda: None, REQUIRED),
    ("signed by the authority", lambda: signed(STAFF, CLIENT), "served"),
    ("signed by a branch of it", lambda: signed(BRANCH, CLIENT), "served"),
    ("a branch that is not sent along", lambda: replace(signed(BRANCH, CLIENT), between=""), INVALID),
    ("signed by strangers", lambda: signed(STRANGERS, CLIENT), INVALID),
    ("an authority of the same name", lambda: signed(authority("Staff"), CLIENT), INVALID),
    ("expired", lambda: signed(STAFF, CLIENT, ended=True), INVALID),
    ("made for servers", lambda: signed(STAFF, SERVER), INVALID),
    ("signed by a client", lambda: signed(signed(STAFF, CLIENT), CLIENT), INVALID),
]


@pytest.mark.parametrize(("shows", "expected"), [case[1:] for case in SHOWN], ids=[case[0] for case in SHOWN])
@pytest.mark.parametrize("place", ["project", "organization"])
async def test_the_certificate_that_is_shown_decides(
    house: RunningHouse, shows: Callable[[], Pair | None], expected: str, place: str
) -> None:
    async with active(house, STAFF, house.facts.project_id if place == "project" else None):
        assert await verdict(house, shows()) == expected


async def test_nobody_needs_a_certificate_where_none_is_active(house: RunningHouse) -> None:
    assert await verdict(house, None) == await verdict(house, signed(STRANGERS, CLIENT)) == "served"
    other = (await house.do(projects.create, "Other")).id
    async with active(house, STAFF, other):
        assert await verdict(house, None) == await verdict(house, signed(STRANGERS, CLIENT)) == "served"


async def test_a_single_clients_own_certificate_lets_in_that_client_alone(house: RunningHouse) -> None:
    own, sibling = signed(STAFF, CLIENT), signed(STAFF, CLIENT)
    async with active(house, own, house.facts.project_id):
        assert await verdict(house, own) == "served"
        assert await verdict(house, sibling) == INVALID


async def test_an_open_connection_follows_what_is_active(house: RunningHouse) -> None:
    request = get(b"/v1/models", house.bearer.strip())
    async with active(house, STAFF, house.facts.project_id), Client(house, signed(BRANCH, CLIENT)) as client:
        assert (await client.ask(request)).status == 200
        async with active(house, STRANGERS, house.facts.project_id):
            assert (await client.ask(request)).status == 200
    async with active(house, STRANGERS, house.facts.project_id):
        pass
    async with active(house, authority("Others"), None), Client(house, signed(BRANCH, CLIENT)) as client:
        assert (await client.ask(request)).code == "client_certificate_invalid"
        async with active(house, STAFF, house.facts.project_id):
            assert (await client.ask(request)).status == 200
        assert (await client.ask(request)).code == "client_certificate_invalid"


async def test_a_connection_that_was_not_asked_ends_so_that_the_next_one_is(house: RunningHouse) -> None:
    request = get(b"/v1/models", house.bearer.strip())
    async with Client(house, signed(STAFF, CLIENT)) as client:
        assert (await client.ask(request)).status == 200
        async with active(house, STAFF, house.facts.project_id):
            refused = await client.ask(request)
            assert (refused.code, refused.headers["connection"]) == ("client_certificate_required", "close")
            assert await verdict(house, signed(STAFF, CLIENT)) == "served"


async def test_large_bodies_pass_whole_in_both_directions(house: RunningHouse) -> None:
    page = get(b"/openapi.json")
    async with Client(house, None) as plain:
        expected = await plain.ask(page)
    async with active(house, STAFF, None), Client(house, signed(STAFF, CLIENT)) as client:
        assert (await client.ask(page)).body == expected.body
        large = b'{"model":"none","messages":[{"role":"user","content":"' + b"x" * (3 << 20) + b'"}]}'
        answer = await client.ask(post(large, house.bearer.strip()))
        assert (answer.status, answer.code) == (404, "model_not_found")
        assert (await client.ask(page)).body == expected.body


async def test_the_official_client_shows_a_certificate(house: RunningHouse) -> None:
    def models(shows: Pair | None) -> list[str]:
        context = client_context(SERVERS, shows, house.data.parent)
        with DefaultHttpxClient(verify=context, trust_env=False) as http:
            url = f"https://127.0.0.1:{house.port}/v1"
            client = OpenAI(api_key=house.facts.api_key, base_url=url, http_client=http, max_retries=0)
            return [model.id for model in client.models.list()]

    async with active(house, STAFF, house.facts.project_id):
        assert await asyncio.to_thread(models, signed(STAFF, CLIENT)) == []
        with pytest.raises(PermissionDeniedError, match="mutual TLS"):
            await asyncio.to_thread(models, None)


@pytest.mark.parametrize("asked", [False, True])
async def test_what_is_no_tls_ends_its_own_connection_only(house: RunningHouse, *, asked: bool) -> None:
    async with active(house, STAFF, house.facts.project_id if asked else (await house.do(projects.create, "Quiet")).id):
        for noise in (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 70_000):
            async with Raw(house.port) as raw:
                await raw.say(noise)
                async with asyncio.timeout(5):
                    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                        await raw.reader.readuntil(b"HTTP/")
        assert await verdict(house, signed(STAFF, CLIENT)) == "served"


async def test_files_that_cannot_be_used_are_a_sentence(tmp_path: Path) -> None:
    chain, key = signed(SERVERS, SERVER).written(tmp_path)
    other, _ = signed(SERVERS, SERVER).written(tmp_path)
    for pair in ((key, chain), (other, key), (chain, str(tmp_path / "none")), (str(tmp_path), key)):
        with pytest.raises(SettingsError, match="HTTPS cannot be served with") as refused:
            tls_of(Settings(tls_cert_file=pair[0], tls_key_file=pair[1]))
        assert "PRIVATE KEY" not in str(refused.value)
    assert tls_of(Settings(tls_cert_file=chain, tls_key_file=key)) is not None
    assert tls_of(Settings()) is None
