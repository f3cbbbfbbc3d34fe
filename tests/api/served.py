"""The administration API over real HTTP, on a real house, authenticated by real admin keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import openai

from keyhouse.api.administration import build
from keyhouse.control import authority
from keyhouse.control.context import Caller
from keyhouse.domain import keyformat
from keyhouse.domain.audit import Actor
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from tests.api.conforming import require_conforming
from tests.brisk import served_in_thread
from tests.control.houses import House


@dataclass
class Served:
    """A house behind HTTP. `seen` is the text of every answer so far, head and body."""

    house: House
    client: httpx.Client
    seen: list[str] = field(default_factory=list)

    @property
    def project(self) -> str:
        return f"/organization/projects/{self.house.project_id}"

    def call(
        self, method: str, path: str, body: object = None, *, key: str | None = None, **given: Any
    ) -> httpx.Response:
        """`body` is sent as JSON, bytes as they are. `key`: another key than the admin key; "" sends none."""
        headers = {**given.pop("headers", {})}
        key = self.house.facts.admin_key if key is None else key
        if key:
            headers["authorization"] = f"Bearer {key}"
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        answer = self.client.request(method, path, content=content, headers=headers, **given)
        self.seen.append(f"{answer.headers}\n{answer.text}")
        if answer.status_code == 200 and method != "HEAD":
            require_conforming(method, answer.request.url.path, answer.content)
        return answer

    def sdk(self, **options: Any) -> openai.OpenAI:
        """OpenAI's SDK with the admin key. Without `verify`: to read the system's certificates takes 30 ms."""
        http = openai.DefaultHttpxClient(trust_env=False, verify=False)
        given = {"admin_api_key": self.house.facts.admin_key, "max_retries": 0, "http_client": http, **options}
        return openai.OpenAI(base_url=str(self.client.base_url), **given)

    def get(self, path: str, **query: Any) -> Any:
        return self._ok(self.call("GET", path, params=query))

    def post(self, path: str, body: object = None) -> Any:
        return self._ok(self.call("POST", path, body))

    def delete(self, path: str) -> Any:
        return self._ok(self.call("DELETE", path))

    @staticmethod
    def _ok(answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def serve(house: House) -> Iterator[Served]:
    app = build(house.control, lambda header, address: authenticate(house, header, address))
    with served_in_thread(app) as url, httpx.Client(base_url=f"{url}/v1", timeout=10, verify=False) as client:
        yield Served(house, client)


def authenticate(house: House, header: str | None, address: str | None) -> Caller:
    """Admin keys, read from the store at each call."""
    value = (header or "").removeprefix("Bearer ")
    parsed = keyformat.parse(value)
    if parsed is None or not house.accepts(value):
        raise KeyhouseError(ErrorCode.INVALID_API_KEY, "Incorrect API key provided.")
    with house.store.read() as tx:
        ring = tx.keys.find_secret(parsed[1])
    assert ring is not None
    if ring.key.kind is not KeyKind.ADMIN:
        message = "This is a project key; the administration API takes admin keys."
        raise KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, message)
    with house.store.read() as tx:
        allowed = authority.of_admin_key(tx, ring.key)
    actor = Actor("api_key", ring.key.user_id, ring.key.id, address)
    return Caller(ring.key.organization_id, actor, allowed, ring.key.ip_allowlist)
