"""JSON bodies of the administration side: read with a bound, decoded strictly, refused with the field at fault."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeVar

import msgspec

from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, shown

MAX_BODY = 1 << 20

T = TypeVar("T", bound=msgspec.Struct)
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_PLACED = re.compile(r"(.*) - at `\$\.(.+)`", re.DOTALL)
_WRONG_TYPE = re.compile(r"Expected `(.+?)`, got `(.+?)`")


class ClientGone(Exception):  # noqa: N818 - it is the end of a conversation, not a fault
    """The client closed the connection before its body was whole."""


async def read_body(receive: Receive, content_length: str | None) -> bytes:
    """The whole body of an ASGI request. Raises `body_too_large` over 1 MiB, without reading on."""
    if content_length is not None and content_length.isdigit() and int(content_length) > MAX_BODY:
        raise _too_large()
    pieces = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        pieces += message.get("body", b"")
        if len(pieces) > MAX_BODY:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(pieces)


def decode_object(body: bytes, type_: type[T], *, optional: bool = False) -> T:
    """The body as this struct. An absent body counts as `{}` where it is optional. Unknown fields are refused."""
    if not body.strip():
        if not optional:
            raise KeyhouseError(
                ErrorCode.BODY_REQUIRED, "This operation needs a JSON object as its body.", param="body"
            )
        body = b"{}"
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # msgspec's text tells the position and never quotes the body, which may hold a secret.
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise KeyhouseError(ErrorCode.INVALID_JSON, f"The body is not valid JSON: {reason}.", param="body") from None


def refuse_body(body: bytes) -> None:
    """For operations without a body: nothing or `{}` is taken."""
    if body.strip():
        decode_object(body, _Empty)


class _Empty(msgspec.Struct, forbid_unknown_fields=True):
    pass


def _too_large() -> KeyhouseError:
    return KeyhouseError(ErrorCode.BODY_TOO_LARGE, f"The body is over {MAX_BODY:,} bytes.", param="body")


def _invalid(reason: str) -> KeyhouseError:
    unknown = _UNKNOWN_FIELD.match(reason)
    if unknown:
        field = shown(unknown[1])
        return invalid(field, f"'{field}' is not a field of this operation.")
    wrong = _WRONG_TYPE.match(reason)
    if wrong and wrong[1] == "object":
        return invalid("body", f"The body must be a JSON object, not {_ARTICLES.get(wrong[2], wrong[2])}.")
    placed = _PLACED.match(reason)
    if placed:
        return invalid(shown(placed[2]), f"'{shown(placed[2])}' is not what this operation takes: {placed[1]}.")
    return invalid("body", f"The body is not what this operation takes: {reason}.")


_ARTICLES = {
    "array": "an array",
    "bool": "a boolean",
    "float": "a number",
    "int": "a number",
    "null": "null",
    "str": "a string",
}
