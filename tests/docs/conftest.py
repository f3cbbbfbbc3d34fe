"""A house as the guides describe it: up, with its built-in models, and an upstream that stands for a provider."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from keyhouse.upstream.local.wheels import fetch
from tests.docs.fences import fences
from tests.docs.running import PROGRAM, announced_url, clean_environment, ended
from tests.fixtures.node import cache
from tests.fixtures.warm import warm_program

_ASKS = re.compile(r"/v1/chat|/v1/embeddings|client\.")


@dataclass(frozen=True)
class Place:
    """Where a page's code is run."""

    url: str
    upstream_url: str
    folder: Path
    environment: dict[str, str]

    def put_in(self, code: str) -> str:
        """The code, asking this house and this upstream."""
        return code.replace("http://127.0.0.1:8585", self.url).replace("https://api.openai.com/v1", self.upstream_url)


@pytest.fixture(scope="session")
def wheels() -> Path:
    asyncio.run(fetch(cache(), print))
    return cache() / "local-model"


@pytest.fixture(scope="session")
def provider() -> Iterator[str]:
    """The base URL of an upstream that lists its models."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A data directory to copy, and its first facts. Its project Search and service account robo stand for the reader's."""
    data = tmp_path_factory.mktemp("made") / "keyhouse-data"
    environment = clean_environment(KEYHOUSE_DATA=str(data))
    facts: dict[str, str] = json.loads(_ran(environment, "init", "--json"))
    _ran(environment, "projects", "create", "Search")
    _ran(environment, "service-accounts", "create", "robo", "--project", "Search")
    return data, facts


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tmp_path: Path, made: tuple[Path, dict[str, str]], wheels: Path, provider: str
) -> Iterator[Place]:
    """A house of a page's own, up. The README's commands run the program as it is installed, the others' one that is warm. A page
    that asks no model has a house without the built-in ones, which take seconds to load."""
    template, facts = made
    page = getattr(request.node, "callspec", None) and request.node.callspec.params["page"]
    program = PROGRAM if page == "README.md" else warm_program()
    asks = page is None or any(_ASKS.search(fence.code) for fence in fences(page) if not fence.excuse)
    data = tmp_path / "keyhouse-data"
    shutil.copytree(template, data)
    (data / "local-model").symlink_to(wheels)
    environment = clean_environment(
        PATH=f"{program.parent}:{PROGRAM.parent}:{os.environ['PATH']}",
        KEYHOUSE_DATA=str(data),
        KEYHOUSE_LOCAL_MODEL="on" if asks else "off",
        UPSTREAM_KEY="sk-of-the-provider-0123456789",
        OPENAI_API_KEY=facts["api_key"],
        OPENAI_ADMIN_KEY=facts["admin_key"],
        ADMIN_KEY=facts["admin_key"],
        PROJECT=facts["project_id"],
    )
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, "up", "--port", "0"], stdout=out, stderr=out, env=environment)
    try:
        yield Place(announced_url(process, log), provider, tmp_path, environment)
    finally:
        process.terminate()
        ended(process)


def _ran(environment: dict[str, str], *arguments: str) -> str:
    return subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=True).stdout


class _Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"object": "list", "data": [{"id": "gpt-9"}, {"id": "text-embedding-9"}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's signature
        """Says nothing."""
