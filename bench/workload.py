"""What is asked and what is answered, byte for byte: one request, one plain answer, one stream of 100 chunks."""

from __future__ import annotations

import json
import re

MODEL = "bench-model"
CHUNKS = 100
CHUNK_SECONDS = 0.01
"""Between the chunks of one stream: a model that writes 100 tokens a second."""
RESOURCE = "/chat/completions"

ASKS_FOR_STREAM = re.compile(rb'"stream"\s*:\s*true')
ASKS_FOR_USAGE = re.compile(rb'"include_usage"\s*:\s*true')

_PROMPT = "Write one sentence about the house at the end of the road, and say who keeps its keys."
_ANSWER = (
    "The house at the end of the road is kept by an old locksmith, who has a key for every door and lends out none."
)
_USAGE = {"prompt_tokens": 21, "completion_tokens": CHUNKS, "total_tokens": 21 + CHUNKS}
_STAMP = {"id": "chatcmpl-bench0000000000000000", "created": 1_767_225_600, "model": MODEL}


def request(host: str, path: str, bearer: str | None, *, stream: bool) -> bytes:
    """A whole chat-completions request, head and body."""
    content: dict[str, object] = {"model": MODEL, "messages": [{"role": "user", "content": _PROMPT}]}
    # A plain call says how long its answer may be, as budgets want it; a stream pays as it goes.
    content |= {"stream": True} if stream else {"max_completion_tokens": CHUNKS}
    body = json.dumps(content).encode()
    head = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        "Accept: application/json",
        f"Content-Length: {len(body)}",
    ]
    if bearer is not None:
        head.append(f"Authorization: Bearer {bearer}")
    return "\r\n".join([*head, "", ""]).encode() + body


def plain_answer() -> bytes:
    """A whole response: one completion of a hundred tokens."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": _ANSWER, "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    return json_answer({**_STAMP, "object": "chat.completion", "choices": [choice], "usage": _USAGE})


def models_answer() -> bytes:
    """A whole response: the list of the one model."""
    model = {"id": MODEL, "object": "model", "created": _STAMP["created"], "owned_by": "bench"}
    return json_answer({"object": "list", "data": [model]})


def json_answer(content: object, status: str = "200 OK") -> bytes:
    body = json.dumps(content, separators=(",", ":")).encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def stream_head() -> bytes:
    """Status line and headers of a streamed answer."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"


def stream_chunks() -> tuple[bytes, ...]:
    """The hundred events, each in an HTTP chunk of its own."""
    words = (_ANSWER + " ").split()
    chunks = []
    for index in range(CHUNKS):
        delta = {"content": words[index % len(words)] + " "} if index else {"role": "assistant", "content": ""}
        chunks.append(_http_chunk(_event({**_choice(delta, "stop" if index == CHUNKS - 1 else None)})))
    return tuple(chunks)


def stream_end(*, usage: bool) -> bytes:
    """What follows the hundred: the usage event if it was asked for, `[DONE]`, and the end of the body."""
    figures = _http_chunk(_event({**_STAMP, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE}))
    return (figures if usage else b"") + _http_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def _choice(delta: object, finish_reason: str | None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_STAMP, "object": "chat.completion.chunk", "choices": [choice]}


def _event(content: object) -> bytes:
    return b"data: " + json.dumps(content, separators=(",", ":")).encode() + b"\n\n"


def _http_chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
