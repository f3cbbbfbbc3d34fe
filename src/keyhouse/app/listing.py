"""Reads what models an upstream lists: one request, from a command, before anything is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.upstream.contract import Timeouts, UpstreamError, UpstreamRequest
from keyhouse.upstream.http import HttpTransport
from keyhouse.upstream.router import parse_base_url

_TIMEOUTS = Timeouts(pool=5, connect=5, first_byte=10, idle=10)
_MAX_BYTES = 8 << 20
_MAX_MODELS = 5_000


class _Model(msgspec.Struct):
    id: str


class _List(msgspec.Struct):
    data: list[_Model]


def list_models(base_url: str, key: str | None, ca_file: str | None) -> Sequence[str]:
    """The ids that `GET {base_url}/models` lists. Raises `upstream_error` or `upstream_unreachable` with a sentence."""
    return asyncio.run(_list(base_url, key, ca_file))


async def _list(base_url: str, key: str | None, ca_file: str | None) -> Sequence[str]:
    headers = [(b"accept", b"application/json"), (b"accept-encoding", b"identity")]
    if key is not None:
        headers.append((b"authorization", b"Bearer " + key.encode("latin-1")))
    transport = HttpTransport(max_connections_per_origin=1)
    try:
        request = UpstreamRequest("GET", "/models", headers, timeouts=_TIMEOUTS)
        response = await transport.send(parse_base_url(base_url, ca_file=ca_file), request)
        body = b""
        while (data := await response.read()) and len(body) < _MAX_BYTES:
            body += data
        response.close()
    except UpstreamError as error:
        raise KeyhouseError(ErrorCode.UPSTREAM_UNREACHABLE, f"The upstream cannot list its models: {error}.") from None
    finally:
        await transport.aclose()
    if response.status != 200:
        message = f"The upstream answered {response.status} when it was asked for its models."
        raise KeyhouseError(ErrorCode.UPSTREAM_ERROR, message)
    return _names(body)


def _names(body: bytes) -> Sequence[str]:
    try:
        return [model.id for model in msgspec.json.decode(body, type=_List).data][:_MAX_MODELS]
    except msgspec.DecodeError:
        raise KeyhouseError(ErrorCode.UPSTREAM_ERROR, "The upstream's list of models is not OpenAI's shape.") from None
