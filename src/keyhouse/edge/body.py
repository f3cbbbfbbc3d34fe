"""The little that is read of a request body, and the one thing that is ever added to it.

The body is forwarded as it came, byte for byte. A few fields are peeked at, so a body in which one of them could be read in
two ways is refused: an upstream's parser might take the other reading. That covers a repeated field, and one whose name differs
only in case (Go's parser folds case, and takes the last).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, shown
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
_NAMES = [name.encode() for name in _PEEKED]
_QUOTED = frozenset(b'"%b"' % name for name in _NAMES)
# The set of first letters lets the search run from quote to quote: a body may have millions. What it takes for a name beyond
# the names (`"iodel"`) is only looked at closely.
_FIRSTS = b"".join({name[:1] for name in _NAMES})
_RESTS = b"|".join(name[1:] or b'(?<="%b)' % name for name in _NAMES)
_IN_ANY_CASE = re.compile(b'"[%b](?:%b)"' % (_FIRSTS, _RESTS), re.IGNORECASE)
_MAX_MODEL = 256
_MOST = 2**31 - 1
"""Of what a number may declare: beyond it an upstream's own integers may wrap."""
_MAX_MEMBERS = 1_000
"""Fields of a body that is looked at closely: more than anybody sends, and few enough to walk over."""
_MAX_COMMAS = 1_000_000
"""The same of what is within them: a walk over many millions of values would keep every other call waiting."""
# A peeked name can hide behind escapes of its letters, and behind the two non-ASCII letters that fold to ASCII ones.
_ESCAPED_LETTER = re.compile(rb"\\u00[4567][0-9a-fA-F]|\\u017[fF]|\\u212[aA]")
_FOLDING = ("\u017f".encode(), "\u212a".encode())
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
# Numbers stay text: what is only walked over must not fail on a number of 5,000 digits.
_walk = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
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
    """Cheap looks first: only a body in which a peeked name occurs twice, in another case, or hidden, is looked at closely."""
    hidden = body.find(b"\\u") >= 0 and _ESCAPED_LETTER.search(body)
    folding = not body.isascii() and any(letter in body for letter in _FOLDING)
    if hidden or folding or _named_oddly(body):
        text = body.decode("utf-8")
        for key, start, _ in _members(text, text.index("{")):
            if key == "stream_options" and text[start] == "{":
                list(_members(text, start))


def _named_oddly(body: bytes) -> bool:
    """Whether something like a peeked name occurs twice, or in another case, anywhere."""
    seen = set()
    for match in _IN_ANY_CASE.finditer(body):
        if match[0] in seen or match[0] not in _QUOTED:
            return True
        seen.add(match[0])
    return False


def _members(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """(key, start, end of value) of the object at `start` of a text known to be JSON. Raises on an ambiguous peeked key."""
    seen = set()
    at = _skip(text, start + 1)
    members = 0
    while text[at] != "}":
        members += 1
        if members > _MAX_MEMBERS:
            raise KeyhouseError(ErrorCode.INVALID_VALUE, f"The body has more than {_MAX_MEMBERS:,} fields.")
        key, at = _walk(text, at)
        folded = key.casefold()
        if folded in _PEEKED:
            if folded in seen or key != folded:
                problem = "occurs more than once" if folded in seen else f"differs from '{folded}' only in case"
                message = f"The field '{shown(key)}' {problem}, so it could be read in two ways."
                raise KeyhouseError(ErrorCode.DUPLICATE_FIELD, message, param=folded)
            seen.add(folded)
        value = _skip(text, _skip(text, at) + 1)
        if text[value] in "[{" and len(text) > _MAX_COMMAS and text.count(",") > _MAX_COMMAS:
            message = (
                f"The body names fields in two ways, and has more than {_MAX_COMMAS:,} commas: too many to be sure."
            )
            raise KeyhouseError(ErrorCode.INVALID_VALUE, message)
        _, at = _walk(text, value)
        yield key, value, at
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _with_usage_option(body: bytes) -> bytes:
    """The body with `include_usage` true inside the `stream_options` it has; every other byte stays."""
    text = body.decode("utf-8")
    start, end = next((s, e) for key, s, e in _members(text, text.index("{")) if key == "stream_options")
    if text[start] != "{":
        return f'{text[:start]}{{"include_usage":true}}{text[end:]}'.encode()
    for key, inner_start, inner_end in _members(text, start):
        if key == "include_usage":
            return f"{text[:inner_start]}true{text[inner_end:]}".encode()
    comma = "" if text[_skip(text, start + 1)] == "}" else ","
    return f'{text[: start + 1]}"include_usage":true{comma}{text[start + 1 :]}'.encode()
