"""The little that is read of a request body, and the one thing that is ever added to it.

The body is forwarded as it came, byte for byte. A few fields are peeked at; a body in which one of them could be read in two ways
is refused.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, shown
from keyhouse.edge.watched import Watched, skip
from keyhouse.ledger.bounds import NOTHING_DECLARED, Declared

_PEEKED = (
    "best_of",
    "include_usage",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "model",
    "n",
    "prompt",
    "stream",
    "stream_options",
)
_FIELDS = Watched(*_PEEKED)
_MAX_MODEL = 256
_MOST = 2**31 - 1
"""Of what a number may declare: beyond it an upstream's own integers may wrap."""
_USAGE_OPTION = b'"stream_options":{"include_usage":true},'


class _Peek(msgspec.Struct):
    model: str
    stream: bool | None = None
    stream_options: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    best_of: int | None = None
    prompt: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


_peek = msgspec.json.Decoder(_Peek).decode
_stream_options = msgspec.json.Decoder(_StreamOptions | None).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_NOTHING_SAID = (None,) * 5


class Inspected(NamedTuple):
    """A body that may be forwarded. `usage_added`: the upstream is asked for usage that the client did not ask for.
    `declared`: what it says of the length of its answer."""

    body: bytes
    model: str
    stream: bool
    usage_added: bool = False
    declared: Declared = NOTHING_DECLARED


def inspect(body: bytes, *, can_stream: bool) -> Inspected:
    """Peeks at a body. Raises `body_required`, `invalid_json`, `invalid_value` or `duplicate_field`."""
    if not body:
        raise KeyhouseError(ErrorCode.BODY_REQUIRED, "This operation needs a JSON body; none was sent.")
    try:
        return _inspected(body, can_stream)
    except RecursionError:
        raise KeyhouseError(ErrorCode.INVALID_JSON, "The body is nested too deeply to be read.") from None


def _inspected(body: bytes, can_stream: bool) -> Inspected:
    peek = _decode(body)
    if not 0 < len(peek.model) <= _MAX_MODEL or not peek.model.isprintable():
        raise invalid("model", f"'model' must be 1 to {_MAX_MODEL} printable characters.")
    _refuse_ambiguity(body)
    declared = _declared(peek)
    if not (can_stream and peek.stream):
        return Inspected(body, peek.model, False, False, declared)
    if peek.stream_options is msgspec.UNSET:
        start = body.index(b"{") + 1
        return Inspected(body[:start] + _USAGE_OPTION + body[start:], peek.model, True, True, declared)
    if _wants_usage(peek.stream_options):
        return Inspected(body, peek.model, True, False, declared)
    return Inspected(_with_usage_option(body), peek.model, True, True, declared)


def _decode(body: bytes) -> _Peek:
    try:
        if not body.isascii():
            body.decode("utf-8")
        return _peek(body)
    except UnicodeDecodeError as error:
        raise KeyhouseError(ErrorCode.INVALID_JSON, f"The body is not valid UTF-8 (byte {error.start}).") from None
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from None
    except msgspec.DecodeError as error:
        raise KeyhouseError(
            ErrorCode.INVALID_JSON, f"We could not parse the JSON body of your request: {error}."
        ) from None


def _misfit(message: str) -> KeyhouseError:
    """msgspec's sentence with OpenAI's `param`: `Expected `str`, got `int` - at `$.model``."""
    if "missing required field" in message:
        return invalid("model", "You must provide a 'model' parameter.")
    what, _, path = message.partition(" - at `$.")
    param = path.rstrip("`") or None
    where = f"'{param}' has the wrong type" if param else "The body must be a JSON object"
    return KeyhouseError(ErrorCode.INVALID_VALUE, f"{where}: {what.replace('`', '')}.", param=param)


def _declared(peek: _Peek) -> Declared:
    prompts = 1 if peek.prompt is msgspec.UNSET else _prompts(bytes(peek.prompt))
    said = (peek.n, peek.best_of, peek.max_tokens, peek.max_completion_tokens, peek.max_output_tokens)
    if said == _NOTHING_SAID and prompts == 1:
        return NOTHING_DECLARED
    declared = Declared(*said, prompts)
    for param, value in zip(Declared._fields, said, strict=False):
        # A completion may ask for no output at all: for what `echo` and `logprobs` tell of its prompt.
        least = 0 if param == "max_tokens" and peek.prompt is not msgspec.UNSET else 1
        if value is not None and not least <= value <= _MOST:
            raise _out_of_range(param, value, least)
    return declared


def _out_of_range(param: str, value: int, least: int) -> KeyhouseError:
    """OpenAI's sentence."""
    problem, than = ("below minimum", f">= {least}") if value < least else ("above maximum", f"<= {_MOST}")
    got = shown(str(value))
    return invalid(
        param, f"Invalid '{param}': integer {problem} value. Expected a value {than}, but got {got} instead."
    )


def _prompts(raw: bytes) -> int:
    """How many a completion's `prompt` holds: a text or a list of token ids is one, else each item of the list is."""
    if not raw.startswith(b"["):
        return 1
    items = [bytes(item)[:1] for item in _items(raw)]
    return max(sum(not (first.isdigit() or first == b"-") for first in items), 1)


def _wants_usage(raw: msgspec.Raw | msgspec.UnsetType) -> bool:
    try:
        options = _stream_options(bytes(raw))  # type: ignore[arg-type]  # the caller has ruled UNSET out
    except msgspec.ValidationError as error:
        message = str(error).replace("`", "")
        raise invalid("stream_options", f"'stream_options' has the wrong type: {message}.") from None
    return options is not None and options.include_usage is True


def _refuse_ambiguity(body: bytes) -> None:
    """A cheap look first: only a body in which a peeked name occurs twice, in another case, or hidden, is looked at closely."""
    if not _FIELDS.is_plain(body):
        text = body.decode("utf-8")
        for key, start, _ in _FIELDS.members(text, text.index("{")):
            if key == "stream_options" and text[start] == "{":
                list(_FIELDS.members(text, start, "stream_options."))


def _with_usage_option(body: bytes) -> bytes:
    """The body with `include_usage` true inside the `stream_options` it has; every other byte stays."""
    text = body.decode("utf-8")
    start, end = next((s, e) for key, s, e in _FIELDS.members(text, text.index("{")) if key == "stream_options")
    if text[start] != "{":
        return f'{text[:start]}{{"include_usage":true}}{text[end:]}'.encode()
    for key, inner_start, inner_end in _FIELDS.members(text, start, "stream_options."):
        if key == "include_usage":
            return f"{text[:inner_start]}true{text[inner_end:]}".encode()
    comma = "" if text[skip(text, start + 1)] == "}" else ","
    return f'{text[: start + 1]}"include_usage":true{comma}{text[start + 1 :]}'.encode()
