"""How a house begins and ends: first facts, refusals to start, gentle and less gentle ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.e2e import wire
from tests.e2e.conftest import NewHouse
from tests.e2e.house import PROGRAM, House, copied, until
from tests.e2e.upstream import (
    FakeUpstream,
    answers,
    completion,
    delta,
    last_chunk,
    stays_silent,
    streams,
    streams_on,
    usage,
)

SECRET = re.compile(r"sk-kh\w*_\w{30,}")


def test_first_start_tells_its_facts_once_and_before_it_is_healthy(tmp_path: Path) -> None:
    house = House(tmp_path / "new", {})
    port = _free_port()
    log = (tmp_path / "said").open("wb+")
    command: list[str | Path] = [PROGRAM, "up", "--port", str(port)]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=house.environ)
    try:
        house.url = f"http://127.0.0.1:{port}"
        until(house.is_healthy, 60)
        said = (tmp_path / "said").read_text()
    finally:
        process.terminate()
        assert process.wait(60) == 0
        log.close()
    facts = dict(re.findall(r"^    (\S.*?)  +(\S+)$", said, re.MULTILINE))
    assert set(facts) == {"organization", "project", "owner", "owner's password", "admin key", "API key"}
    assert facts["admin key"].startswith("sk-khadm_")
    house.facts = {"api_key": facts["API key"], "admin_key": facts["admin key"], "project_id": facts["project"]}
    house.start()
    try:
        assert SECRET.findall(house.log.read_text()) == []
        assert facts["owner's password"] not in house.log.read_text()
        assert [key["name"] for key in house.admin("GET", f"/projects/{facts['project']}/api_keys")["data"]]
        assert list(house.client().models.list()) == []
    finally:
        assert house.stop() == 0


def test_init_prints_the_facts_once_and_refuses_to_do_it_again(tmp_path: Path) -> None:
    house = House(tmp_path / "new", {})
    facts = house.do_json("init")
    assert set(facts) == {"organization_id", "project_id", "admin_key", "api_key", "owner_email", "owner_password"}
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    again = house.run("init", "--json")
    assert (again.returncode, again.stdout) == (1, "")
    _is_one_sentence(again.stderr, "already")


REFUSED_SETTINGS = {
    "workers": ({"KEYHOUSE_WORKERS": "2"}, (), "as exact as one"),
    "workers-option": ({}, ("--workers", "2"), "as exact as one"),
    "valkey": ({"KEYHOUSE_VALKEY_URL": "redis://127.0.0.1:1"}, (), "KEYHOUSE_VALKEY_URL"),
    "no-proxy": ({"KEYHOUSE_TRUSTED_PROXIES": "127.0.0.1, proxy.example"}, (), "'proxy.example' is no address"),
    "half-a-proxy": ({"KEYHOUSE_TRUSTED_PROXIES": "10.0.0.5/8"}, (), "without bits after its prefix"),
    "proxy-of-a-zone": ({"KEYHOUSE_TRUSTED_PROXIES": "fe80::1%eth0"}, (), "is no address"),
    "every-proxy": ({"KEYHOUSE_TRUSTED_PROXIES": "0.0.0.0/0"}, (), "is everybody"),
    "every-mapped-proxy": ({"KEYHOUSE_TRUSTED_PROXIES": "::ffff:0:0/96"}, (), "is everybody"),
    "database": ({"KEYHOUSE_DATABASE_URL": "mysql://localhost/x"}, (), "postgresql"),
    "no-database": ({"KEYHOUSE_DATABASE_URL": "postgresql://u:hush-hush@127.0.0.1:1/x"}, (), "database"),
}


@pytest.mark.parametrize("case", REFUSED_SETTINGS)
def test_settings_that_cannot_be_kept_refuse_with_a_sentence(tmp_path: Path, case: str) -> None:
    environ, options, word = REFUSED_SETTINGS[case]
    house = House(tmp_path / "new", {})
    done = subprocess.run(
        [PROGRAM, "up", "--port", "0", *options],
        check=False,
        capture_output=True,
        text=True,
        env=house.environ | environ,
        timeout=60,
    )
    assert done.returncode == 1
    _is_one_sentence(done.stderr, word)
    assert "hush-hush" not in done.stderr
    assert not (tmp_path / "new" / "keyhouse.db").exists()


def test_taken_port_is_a_sentence(new_house: NewHouse) -> None:
    house = new_house()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = house.run("up", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    _is_one_sentence(done.stderr, "in use")


def test_second_gateway_on_one_data_directory_is_refused_and_harms_nothing(new_house: NewHouse) -> None:
    house = new_house()
    house.start()
    done = house.run("up", "--port", "0")
    assert done.returncode == 1
    _is_one_sentence(done.stderr, "Another Keyhouse gateway")
    assert house.is_healthy()
    revoked = house.new_key()
    house.do("keys", "revoke", revoked["id"])  # the first one still hears of changes
    assert wire.post(house, wire.chat("fake-x"), key=revoked["value"]).status == 401


def test_command_without_a_house_says_so(tmp_path: Path) -> None:
    done = House(tmp_path / "nowhere", {}).run("keys", "list")
    assert done.returncode == 1
    _is_one_sentence(done.stderr, "There is no house")
    assert not (tmp_path / "nowhere").exists()


def test_sigterm_lets_running_streams_finish(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house()
    house.start()
    words = [delta(f"{n} ") for n in range(15)]
    model = upstream.model(streams([*words, last_chunk(usage(5, 15))], pause=0.1))
    with wire.opened(house, wire.chat(model, stream=True)) as response:
        first = response.read1()
        ended = _terminated(house)
        body = first + response.read()
    assert body.endswith(b"data: [DONE]\n\n")
    assert body.count(b"data: ") == 16
    assert ended() == 0
    (row,) = house.rows_of_model(model)
    assert (row.outcome, row.output_tokens, row.estimated) == ("completed", 15, 0)


async def test_sigterm_under_load_cuts_no_call_that_began(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house()
    house.start()
    model = upstream.model(streams([delta("a "), delta("b "), last_chunk(usage(5, 2))], pause=0.01))
    answered: list[str] = []

    async def calls(client: httpx.AsyncClient) -> None:
        with suppress(httpx.TransportError):
            while True:
                answer = await client.post("/v1/chat/completions", json=wire.chat(model, stream=True))
                assert answer.content.endswith(b"data: [DONE]\n\n")
                answered.append(answer.headers["x-request-id"])

    headers = {"Authorization": f"Bearer {house.facts['api_key']}"}
    async with httpx.AsyncClient(
        base_url=house.url, headers=headers, trust_env=False, verify=False, timeout=60
    ) as client:
        running = [asyncio.create_task(calls(client)) for _ in range(16)]
        while len(answered) < 100:
            await asyncio.sleep(0.01)
        assert await asyncio.to_thread(house.stop) == 0
        await asyncio.gather(*running)
    rows = house.rows()
    assert {row.outcome for row in rows} == {"completed"}
    assert sorted(row.request_id for row in rows) == sorted(answered)
    assert len(upstream.requests(model)) == len(answered)


def test_commands_reach_a_house_whose_path_is_too_long_for_a_socket(
    template: House, tmp_path: Path, upstream: FakeUpstream
) -> None:
    (tmp_path / ("x" * 100)).mkdir()
    house = copied(template, tmp_path / ("x" * 100) / "house")
    try:
        house.start()
        key = house.new_key()
        body = wire.chat(upstream.model(answers(completion())))
        assert wire.post(house, body, key=key["value"]).status == 200
        house.do("keys", "revoke", key["id"])
        assert wire.post(house, body, key=key["value"]).status == 401
        assert house.stop() == 0
    finally:
        house.close()


def test_what_outlasts_the_grace_is_cut_told_and_settled(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house(shutdown_grace="1")
    house.start()
    talking, silent = upstream.model(streams_on([delta("Once ")])), upstream.model(stays_silent)
    waiting = wire.connect(house)
    wire.send(waiting, house, wire.chat(silent))
    until(lambda: upstream.requests(silent), 10)
    with wire.opened(house, wire.chat(talking, stream=True)) as response:
        first = response.read1()
        ended = _terminated(house)
        body = first + response.read()
        answer = waiting.getresponse()
        refusal = json.loads(answer.read())["error"]
    assert ended() == 0
    assert wire.error_of_stream(body)["code"] == "server_stopping"
    assert (answer.status, refusal["code"]) == (503, "server_stopping")
    for model, streamed in ((talking, 1), (silent, 0)):
        (row,) = house.rows_of_model(model)
        assert (row.outcome, row.estimated, row.streamed, row.status) == ("interrupted", 1, streamed, 503)
        assert (row.input_tokens > 0, row.output_tokens > 0) == (True, bool(streamed))


def test_second_ctrl_c_cuts_what_runs_and_still_settles_it(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house()
    house.start()
    assert house.process is not None
    pid = house.process.pid
    model = upstream.model(streams_on([delta("Once ")]))
    with wire.opened(house, wire.chat(model, stream=True)) as response:
        first = response.read1()
        os.kill(pid, signal.SIGINT)
        until(lambda: not house.is_healthy(), 10)
        time.sleep(1)
        os.kill(pid, signal.SIGINT)
        began = time.monotonic()
        body = first + response.read()
        assert house.process.wait(20) == 0
        assert time.monotonic() - began < 15  # of a grace of 30
    assert wire.error_of_stream(body)["code"] == "server_stopping"
    assert [row.outcome for row in house.rows_of_model(model)] == ["interrupted"]


def test_idle_connections_do_not_hold_up_the_end(new_house: NewHouse) -> None:
    house = new_house()
    house.start()
    idle = wire.connect(house)
    idle.request("GET", "/healthz")
    idle.getresponse().read()
    began = time.monotonic()
    assert house.stop() == 0
    assert time.monotonic() - began < 10
    idle.close()
    assert not (house.data / "control.sock").exists()


def _terminated(house: House) -> Callable[[], int]:
    assert house.process is not None
    codes: list[int] = []
    house.process.terminate()
    waiting = threading.Thread(target=lambda: codes.append(house.stop()))
    waiting.start()

    def ended() -> int:
        waiting.join(60)
        return codes[0]

    return ended


def _is_one_sentence(said: str, word: str) -> None:
    assert said.startswith("keyhouse: ")
    assert word in said
    assert "Traceback" not in said
    assert said.count("\n") == 1
    assert said.rstrip().endswith(".")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
