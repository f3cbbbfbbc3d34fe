"""What an application behind the edge lets escape is told as a fault of ours, once, and nothing of it is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keyhouse.app.fault_border import FaultBorder

SCOPE: Any = {"type": "http", "method": "GET", "path": "/v1/organization/projects"}


async def nothing() -> Any:
    return {"type": "http.disconnect"}


async def sent_by(app: Any) -> list[Any]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    await FaultBorder(app)(SCOPE, nothing, send)
    return messages


async def test_fault_is_a_500_in_openais_shape_that_shows_nothing_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    async def faulty(*_: Any) -> None:
        raise ZeroDivisionError("the inside story")

    head, body = await sent_by(faulty)
    error = json.loads(body["body"])["error"]
    assert (head["status"], error["code"], error["type"]) == (500, "internal_error", "server_error")
    assert b"the inside story" not in body["body"]
    out, err = capfd.readouterr()
    assert "the inside story" in out + err


async def test_answer_that_began_is_not_followed_by_another() -> None:
    async def faulty(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    assert [message["type"] for message in await sent_by(faulty)] == ["http.response.start"]


async def test_answer_without_a_fault_passes_as_it_is() -> None:
    async def fine(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    assert [message["type"] for message in await sent_by(fine)] == ["http.response.start", "http.response.body"]
