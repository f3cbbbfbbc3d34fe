"""What an upstream's answer says was used, read from the answer's own bytes.

Only the fields that count are decoded; everything else is skipped. Upstreams differ in what they report: a detail that is
absent or null is 0, and an answer without usage is told apart from one that reports nothing used.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from keyhouse.domain.usage import TokenUsage

T = TypeVar("T")
_MAX_TOKENS = 2**40
"""More than any call uses: a report above it is a lie or a fault, and is not believed."""


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class Counted(msgspec.Struct):
    """The counted part of a chat completion, a completion, a chunk of either, or a list of embeddings; the rest stays raw."""

    model: str | None = None
    service_tier: str | None = None
    usage: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    choices: list[msgspec.Raw] | None = None
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    def has(self, field: str) -> bool:
        """Whether `choices` or `data` is there and not null."""
        value = self.choices if field == "choices" else self.data
        return value is not None and value is not msgspec.UNSET


class _Part(msgspec.Struct):
    content: object = None
    reasoning_content: object = None
    refusal: object = None
    tool_calls: object = None
    function_call: object = None


class _Choice(msgspec.Struct):
    delta: _Part | None = None
    message: _Part | None = None
    text: object = None


class _Written(msgspec.Struct):
    choices: list[_Choice]


_NO_PART = _Part()
_counted = msgspec.json.Decoder(Counted)
_usage = msgspec.json.Decoder(_Usage | None)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_written = msgspec.json.Decoder(_Written)


def read_counts(data: bytes) -> Counted | None:
    """The counted part of an answer or a chunk; None if it is not JSON of that shape."""
    return _read(_counted, data)


def is_json_object(data: bytes) -> bool:
    return _read(_object, data) is not None


def tokens_of(counted: Counted) -> TokenUsage | None:
    """The reported tokens; None where nothing, or nothing believable, was reported."""
    usage = _read(_usage, bytes(counted.usage)) if counted.usage is not msgspec.UNSET else None
    if usage is None or (usage.prompt_tokens is None and usage.total_tokens is None):
        return None
    given = usage.prompt_tokens_details or _InputDetails()
    made = usage.completion_tokens_details or _OutputDetails()
    output, reasoning, total = usage.completion_tokens or 0, made.reasoning_tokens or 0, usage.total_tokens
    total_input = usage.prompt_tokens if usage.prompt_tokens is not None else (total or 0) - output
    if reasoning > 0 and total == total_input + output + reasoning:
        output += reasoning  # some report reasoning beside the completion instead of within it
    if not (0 <= total_input <= _MAX_TOKENS and 0 <= output <= _MAX_TOKENS):
        return None
    return TokenUsage(
        input_tokens=total_input,
        cached_tokens=_within(given.cached_tokens, total_input),
        cache_write_tokens=_within(given.cache_write_tokens, total_input),
        output_tokens=output,
        reasoning_tokens=_within(reasoning, output),
        input_audio_tokens=_within(given.audio_tokens, total_input),
        output_audio_tokens=_within(made.audio_tokens, output),
    )


def texts_in(data: bytes) -> list[str]:
    """What the model wrote in an answer or a chunk, as far as it is text: contents, refusals, reasoning, tool calls as JSON."""
    written = _read(_written, data) if data else None
    texts: list[str] = []
    for choice in written.choices if written is not None else ():
        part = choice.delta or choice.message or _NO_PART
        values = (part.content, choice.text, part.reasoning_content, part.refusal, part.tool_calls, part.function_call)
        texts += [v if isinstance(v, str) else msgspec.json.encode(v).decode() for v in values if v]
    return texts


def _read(decoder: msgspec.json.Decoder[T], data: bytes) -> T | None:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _within(part: int | None, whole: int) -> int:
    """A part of a sum: an upstream that reports it larger than the whole, or negative, is believed as far as it can be."""
    return max(0, min(part or 0, whole))
