"""A disk that is full: nothing is served that could not be recorded, and all is well again when there is room.

The server's processes may write no file beyond a size (`RLIMIT_FSIZE`), its log included, which is how a full disk looks to them.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.e2e import wire
from tests.e2e.conftest import NewHouse
from tests.e2e.house import House, until
from tests.e2e.upstream import FakeUpstream, answers, completion, delta, last_chunk, streams, streams_on, usage

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can limit a running process")


@contextmanager
def full_disk(house: House) -> Iterator[None]:
    assert house.process is not None
    pid = house.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        yield
    finally:
        if house.process is not None:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def test_full_disk_refuses_calls_until_there_is_room(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house()
    house.start()
    plain = upstream.model(answers(completion("Hi", usage(10, 5))))
    words = [delta("word ") for _ in range(10)]
    stream = upstream.model(streams([*words, last_chunk(usage(10, 10))], pause=0.05))
    assert wire.post(house, wire.chat(plain)).status == 200

    with wire.opened(house, wire.chat(stream, stream=True)) as running:
        first = running.read1()
        with full_disk(house):
            rest = running.read()
            assert wire.error_of_stream(first + rest)["code"] == "ledger_unavailable"
            cut = wire.post(house, wire.chat(plain))
            assert (cut.status, cut.error["code"]) == (503, "ledger_unavailable")
            refused = wire.post(house, wire.chat(upstream.model(answers(completion()))))
            assert (refused.status, refused.error["code"]) == (503, "ledger_unavailable")
            assert house.is_healthy()
            assert httpx.get(f"{house.url}/readyz", trust_env=False, verify=False).status_code == 503

    until(lambda: wire.post(house, wire.chat(plain)).status == 200, 20)
    assert httpx.get(f"{house.url}/readyz", trust_env=False, verify=False).status_code == 200
    # What reached the upstream was used, and is in the ledger now, whatever its client was told.
    used = until(lambda: len(house.rows()) >= 3 and house.rows(), 20)
    assert len(used) == len(upstream.requests(plain)) + len(upstream.requests(stream))
    assert {row.outcome for row in used} == {"completed"}
    assert house.stop() == 0


def test_administration_says_that_the_disk_is_full(new_house: NewHouse) -> None:
    house = new_house()
    house.start()
    headers = {"Authorization": f"Bearer {house.facts['admin_key']}"}
    with httpx.Client(
        base_url=f"{house.url}/v1/organization", headers=headers, trust_env=False, verify=False, timeout=60
    ) as client:
        with full_disk(house):
            refused = client.post("/projects", json={"name": "No room"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
            assert client.get("/projects").status_code == 200
        assert client.post("/projects", json={"name": "Room"}).status_code == 200
        assert [project["name"] for project in client.get("/projects").json()["data"]] == ["Default project", "Room"]


def test_calls_that_a_full_disk_kept_out_are_charged_after_a_crash(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house()
    house.start()
    model = upstream.model(answers(completion("Hi", usage(10, 5))))
    with full_disk(house):
        assert wire.post(house, wire.chat(model)).status == 503
        assert house.rows() == []
        house.kill()
    house.start()
    (row,) = house.rows_of_model(model)
    assert (row.outcome, row.estimated, row.input_tokens > 0) == ("interrupted", 1, True)


def test_many_streams_meet_a_full_disk(new_house: NewHouse, upstream: FakeUpstream) -> None:
    """None of them hangs, and all are in the ledger in the end."""
    house = new_house()
    house.start()
    model = upstream.model(streams_on([delta("Once ")]))
    connections = [wire.connect(house) for _ in range(20)]
    for connection in connections:
        wire.send(connection, house, wire.chat(model, stream=True))
    until(lambda: len(upstream.requests(model)) == 20, 20)
    with full_disk(house):
        for connection in connections:
            connection.close()
        plain = wire.chat(upstream.model(answers(completion())))
        until(lambda: wire.post(house, plain).status == 503, 20)
    rows = until(lambda: len(found := house.rows_of_model(model)) >= 20 and found, 20)
    assert [row.outcome for row in rows] == ["aborted"] * 20
