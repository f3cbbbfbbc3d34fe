"""A house as its user has it: the program `keyhouse` on a data directory, asked over sockets and the command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import httpx
from openai import DefaultHttpxClient, OpenAI

from keyhouse.domain.usage import UsageRow
from tests.fixtures.warm import warm_program

PROGRAM = Path(sys.executable).parent / "keyhouse"
START_SECONDS = 60.0
"""For liveness only: a start takes a second, on a busy machine several."""


class Process(Protocol):
    """What is done with the server's process."""

    @property
    def pid(self) -> int: ...
    def kill(self) -> None: ...
    def terminate(self) -> None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...


class House:
    """`facts` are what `keyhouse init --json` printed. `settings` are environment variables without their prefix."""

    def __init__(self, data: Path, facts: dict[str, str], **settings: str) -> None:
        self.data = data
        self.facts = facts
        self.settings = {"local_model": "off"} | settings
        self.log = data.with_name(data.name + ".log")
        self.url = ""
        self.process: Process | None = None
        self._query: Callable[[str], Sequence[Sequence[Any]]] = self._query_file

    # --- the server ---

    def start(self) -> None:
        """Starts the server and waits until it is healthy."""
        self.log.touch()
        before = self.log.stat().st_size
        self.launch()
        self.url = until(lambda: self._announced(before), START_SECONDS)
        until(self.is_healthy, START_SECONDS)

    def launch(self) -> None:
        """Starts the server without waiting for it."""
        self.process = self._launch(["up", "--port", "0", "--data", str(self.data)])

    def stop(self) -> int:
        """Ends the server gently; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self._ended(60)

    def kill(self) -> None:
        """Ends the server with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self._ended(30)

    def close(self) -> None:
        """Leaves nothing running."""
        if self.process is not None:
            self.kill()

    def is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False, verify=False).status_code == 200
        except httpx.TransportError:
            return False

    def _launch(self, arguments: list[str]) -> Process:
        with self.log.open("ab") as log:
            return subprocess.Popen([PROGRAM, *arguments], stdout=log, stderr=log, env=self.environ)

    def _announced(self, after: int) -> str | None:
        assert self.process is not None
        said = self.log.read_bytes()[after:].decode()
        found = re.search(r"Keyhouse is open at (http://\S+)", said)
        assert found or self.process.poll() is None, said
        return found[1] if found else None

    def _ended(self, seconds: float) -> int:
        assert self.process is not None
        code = self.process.wait(seconds)
        self.process = None
        return code

    # --- the command line ---

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYHOUSE_")}
        ours = {f"KEYHOUSE_{name.upper()}": value for name, value in self.settings.items()}
        return kept | ours | {"KEYHOUSE_DATA": str(self.data)}

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a command; `given` is its standard input."""
        return subprocess.run(
            [warm_program(), *arguments],
            input=given,
            capture_output=True,
            text=True,
            env=self.environ,
            timeout=120,
            check=False,
        )

    def do(self, *arguments: str, given: str = "") -> str:
        """Runs a command that must succeed; its standard output."""
        done = self.run(*arguments, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def do_json(self, *arguments: str, given: str = "") -> Any:
        return json.loads(self.do(*arguments, "--json", given=given))

    # --- over HTTP ---

    def client(self, key: str | None = None) -> OpenAI:
        """The official SDK, unmodified. Without retries: a test counts calls."""
        return OpenAI(
            base_url=f"{self.url}/v1",
            api_key=key or self.facts["api_key"],
            admin_api_key=self.facts["admin_key"],
            max_retries=0,
            timeout=60,
            http_client=DefaultHttpxClient(trust_env=False, verify=False),
        )

    def admin(self, method: str, path: str, **body: object) -> Any:
        """A call of the administration API that must succeed: `path` begins after `/v1/organization`."""
        answer = httpx.request(
            method,
            f"{self.url}/v1/organization{path}",
            headers={"Authorization": f"Bearer {self.facts['admin_key']}"},
            json=body if method == "POST" else None,
            timeout=60,
            trust_env=False,
            verify=False,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def new_key(self, name: str = "a test's", **fields: object) -> Any:
        """A project key: the administration API's object, with its `value`."""
        return self.admin("POST", f"/projects/{self.facts['project_id']}/api_keys", name=name, **fields)

    def key_verb(self, key_id: str, verb: str, **fields: object) -> Any:
        return self.admin("POST", f"/projects/{self.facts['project_id']}/api_keys/{key_id}/{verb}", **fields)

    # --- what it remembers ---

    def rows(self, where: str = "1=1") -> list[UsageRow]:
        """Rows of the ledger, in order."""
        columns = ", ".join(UsageRow._fields)
        return [UsageRow._make(row) for row in self._query(f"SELECT {columns} FROM calls WHERE {where} ORDER BY seq")]

    def row(self, request_id: str, seconds: float = 0.0) -> UsageRow:
        """The one row of a call. With `seconds`, waits for it that long: nobody hears of the end of an aborted call."""
        where = f"request_id = '{request_id}'"
        if seconds:
            until(lambda: self.rows(where), seconds)
        (row,) = self.rows(where)
        return row

    def rows_of_model(self, model: str, seconds: float = 0.0) -> list[UsageRow]:
        where = f"model_asked = '{model}'"
        return until(lambda: self.rows(where), seconds) if seconds else self.rows(where)

    def remembers_in(self, query: Callable[[str], Sequence[Sequence[Any]]]) -> None:
        """The ledger is in another database, which answers such queries."""
        self._query = query

    def _query_file(self, query: str) -> Sequence[Sequence[Any]]:
        with closing(sqlite3.connect(f"file:{self.data}/ledger.db?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query).fetchall()


def initialised(data: Path, **settings: str) -> House:
    """A new house, not running."""
    house = House(data, {}, **settings)
    house.facts = house.do_json("init")
    return house


def copied(house: House, data: Path, kind: type[House] = House, **settings: str) -> House:
    """A house that is not running, again in another directory: cheaper than a new one."""
    shutil.copytree(house.data, data)
    return kind(data, house.facts, **settings)


def until(condition: Callable[[], Any], seconds: float) -> Any:
    """What the condition returns once that is true. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.01)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
