"""A client that shows the bytes: requests as given, answers as they come."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.e2e.house import House


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error


def post(
    house: House,
    body: bytes | dict[str, Any],
    *,
    path: str = "/v1/chat/completions",
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    with opened(house, body, path=path, key=key, headers=headers) as response:
        return Answer(response.status, _headers(response), response.read())


@contextmanager
def opened(
    house: House,
    body: bytes | dict[str, Any],
    *,
    path: str = "/v1/chat/completions",
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """A call whose answer has begun. Leaving the block early hangs up."""
    connection = connect(house)
    try:
        send(connection, house, body, path=path, key=key, headers=headers)
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


def connect(house: House) -> http.client.HTTPConnection:
    address = urlsplit(house.url)
    assert address.hostname is not None
    return http.client.HTTPConnection(address.hostname, address.port, timeout=60)


def send(
    connection: http.client.HTTPConnection,
    house: House,
    body: bytes | dict[str, Any],
    *,
    path: str = "/v1/chat/completions",
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"authorization": f"Bearer {key or house.facts['api_key']}", "content-type": "application/json"}
    connection.request("POST", path, data, {**sent, **(headers or {})})


def chat(model: str, content: str = "Hi.", **more: object) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def read_to_end(response: http.client.HTTPResponse) -> tuple[bytes, float]:
    """The rest of an answer, and the moment (monotonic seconds) at which it ended."""
    rest = response.read()
    return rest, time.monotonic()


def payloads(body: bytes) -> list[bytes]:
    """The data of each event."""
    return [event.removeprefix(b"data: ") for event in body.split(b"\n\n") if event]


def error_of_stream(body: bytes) -> dict[str, Any]:
    """The error with which a stream ended; it must be the last event, and no `[DONE]` anywhere."""
    assert b"[DONE]" not in body
    error: dict[str, Any] = json.loads(payloads(body)[-1])["error"]
    return error


def request_id(response: http.client.HTTPResponse) -> str:
    found = response.getheader("x-request-id")
    assert found is not None
    return found


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
