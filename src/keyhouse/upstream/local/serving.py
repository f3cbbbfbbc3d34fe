"""The child's HTTP face: OpenAI's shapes in front of the two models. One plain ASGI callable."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from keyhouse.upstream.local.catalog import MODELS
from keyhouse.upstream.local.embeddings import Embedder
from keyhouse.upstream.local.llama import Answer, LlamaServer
from keyhouse.upstream.local.shapes import Refusal, chat_payload, completion_payload, embedding_request

MAX_BODY_BYTES = 16 * 1024 * 1024


class LocalApp:
    def __init__(self, key: str, llama: LlamaServer, embedder: Embedder) -> None:
        self._authorization = f"Bearer {key}".encode()
        self._llama = llama
        self._embedder = embedder
        self._routes: dict[tuple[str, str], Callable[[bytes, Send], Awaitable[None]]] = {
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/completions"): self._completion,
            ("POST", "/v1/embeddings"): self._embedding,
            ("GET", "/v1/models"): self._models,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._authenticate(scope)
            handler = self._routes.get((scope["method"], scope["path"]))
            if handler is None:
                raise Refusal(f"There is no {scope['method']} {scope['path']} here.", status=404, code="unknown_url")
            body = await _read(receive)
            await _until_client_leaves(handler(body, send), receive)
        except Refusal as refusal:
            await _send_json(send, refusal.status, refusal.body)

    def _authenticate(self, scope: Scope) -> None:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if not hmac.compare_digest(given, self._authorization):
            raise Refusal("Not the key of the built-in models.", status=401, code="invalid_api_key")

    async def _chat(self, body: bytes, send: Send) -> None:
        _, payload = chat_payload(body)
        async with self._llama.answer("/v1/chat/completions", payload) as answer:
            await _relay(answer, answer.parts(), send)

    async def _completion(self, body: bytes, send: Send) -> None:
        request, payload = completion_payload(body)
        async with self._llama.answer("/v1/completions", payload) as answer:
            parts = answer.parts()
            if request.stream:
                parts = _usage_apart(parts, wanted=request.wants_usage)
            await _relay(answer, parts, send)

    async def _embedding(self, body: bytes, send: Send) -> None:
        await _send_json(send, 200, await self._embedder.answer(embedding_request(body)))

    async def _models(self, _body: bytes, send: Send) -> None:
        models = [{"id": m.id, "object": "model", "created": m.created, "owned_by": m.owned_by} for m in MODELS]
        await _send_json(send, 200, {"object": "list", "data": models})


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise Refusal(f"The body is over {MAX_BODY_BYTES} bytes.", status=413)
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)


async def _until_client_leaves(work: Awaitable[None], receive: Receive) -> None:
    """Runs `work`, and cancels it when the client closes the connection before it is done."""
    working = asyncio.ensure_future(work)
    leaving: asyncio.Future[Message] = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.wait((working, leaving))


async def _relay(answer: Answer, parts: AsyncIterator[bytes], send: Send) -> None:
    if answer.status != 200:
        raise _refusal(answer.status, await answer.read())
    await send(_start(200, answer.content_type))
    async for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _refusal(status: int, body: bytes) -> Refusal:
    """The llama server's error in OpenAI's shape, in which `code` is a word."""
    error = json.loads(body)["error"]
    if error["type"] == "exceed_context_size_error":
        sentence = f"This model's maximum context length is {error['n_ctx']} tokens; the prompt has {error['n_prompt_tokens']}."
        return Refusal(sentence, param="messages", code="context_length_exceeded")
    return Refusal(error["message"], status=status, kind=error["type"])


async def _usage_apart(parts: AsyncIterator[bytes], *, wanted: bool) -> AsyncIterator[bytes]:
    """The llama server hangs the usage on the last choice of a streamed completion, asked for or not.

    OpenAI's shape has it in an event of its own, without choices, where it was asked for.
    """
    pending = b""
    async for part in parts:
        *events, pending = (pending + part).split(b"\n\n")
        for event in events:
            yield _with_usage_apart(event, wanted=wanted) if b'"usage"' in event else event + b"\n\n"
    yield pending


def _with_usage_apart(event: bytes, *, wanted: bool) -> bytes:
    chunk: dict[str, Any] = json.loads(event.removeprefix(b"data: "))
    apart = {**chunk, "choices": [], "usage": chunk.pop("usage")}
    chunks = [chunk, apart] if wanted else [chunk]
    return b"".join(b"data: " + json.dumps(one, separators=(",", ":")).encode() + b"\n\n" for one in chunks)


async def _send_json(send: Send, status: int, content: dict[str, Any]) -> None:
    body = json.dumps(content, separators=(",", ":")).encode()
    await send(_start(status, "application/json", len(body)))
    await send({"type": "http.response.body", "body": body})


def _start(status: int, content_type: str, length: int | None = None) -> Message:
    headers = [(b"content-type", content_type.encode("latin-1"))]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return {"type": "http.response.start", "status": status, "headers": headers}
