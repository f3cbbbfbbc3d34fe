"""A fault of ours: a 500 with a sentence outside, a traceback in the log, charged like a crash, and the next call is served."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from keyhouse.edge import relay, routes
from tests.edge.raw import Answer, Raw, post
from tests.houses import RunningHouse
from tests.upstream.transport_servers import RawServer, answering

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHAT = b'{"model":"gpt-4o","messages":[{"role":"user","content":"How many keys are there?"}]}'
USAGE = {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 13}
ANSWER = json.dumps({"model": "gpt-4o", "choices": [{"message": {"content": "7"}}], "usage": USAGE}).encode()
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)


def broken(*_: object) -> None:
    raise RuntimeError("a secret detail")


async def chat(house: RunningHouse) -> Answer:
    async with Raw(house.port) as raw:
        return await raw.ask(post(CHAT, house.bearer.strip()))


async def test_a_fault_before_the_upstream_is_told_logged_and_over(
    house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(routes, "find", broken)
        answer = await chat(house)
    assert (answer.status, answer.code) == (500, "internal_error")
    assert answer.error["message"] == f"The server had an error. Its log names it {answer.headers['x-request-id']}."
    assert b"secret detail" not in answer.body
    assert [(entry["event"], entry["request_id"]) for entry in logs] == [
        ("call failed", answer.headers["x-request-id"])
    ]
    assert (await chat(house)).code == "model_not_found"


async def test_a_fault_after_the_upstream_was_asked_leaves_a_row_that_says_so(
    house: RunningHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = RawServer(answering(OK))
    await upstream.start()
    await house.upstream(upstream.port, "gpt-4o")
    try:
        assert (await chat(house)).body == ANSWER
        with monkeypatch.context() as patched, capture_logs():
            patched.setattr(relay, "relay_answer", broken)
            answer = await chat(house)
        assert (answer.status, answer.code) == (500, "internal_error")
        good, bad = house.rows()
        assert (good.status, good.outcome, good.input_tokens, good.estimated) == (200, "completed", 12, 0)
        assert (bad.status, bad.outcome, bad.error_code) == (500, "interrupted", "internal_error")
        assert (bad.request_id, bad.estimated) == (answer.headers["x-request-id"], 1)
        assert bad.input_tokens > 0
        assert (await chat(house)).body == ANSWER
    finally:
        await upstream.stop()
