"""What a call may cost at most, before anybody has answered it: what is reserved on budgets.

1. Input that is in the body has at most as many tokens as the body has bytes: a token of a byte-level vocabulary covers at least
   one byte, a token id in JSON at least two.
2. Input that the body only refers to (images, files, earlier responses, hosted tools) has at most the model's context window.
3. Output has at most what the caller declared, for each choice; else what the model can make at most, which is its window.
4. Every rate is the highest that can hold for such a call. A bound is rounded up.

What cannot be bounded says why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from keyhouse.domain.errors import shown
from keyhouse.domain.money import PER_MILLION, Price, Rates
from keyhouse.domain.operations import Metering, Operation
from keyhouse.domain.permissions import Resource
from keyhouse.ledger.context_windows import ContextWindows
from keyhouse.ledger.estimate import guess_input
from keyhouse.ledger.pricing import PriceBook

DEFAULT_OUTPUT_TOKENS = 256
"""What the estimate for token limits assumes of an answer whose length nobody declared. Settlement corrects it."""


class Declared(NamedTuple):
    """What a body says of its output, None where it says nothing; `n`, `best_of` and `prompts` multiply."""

    n: int | None = None
    best_of: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    prompts: int = 1
    """Prompts of a completion, each of which is answered `n` times."""


NOTHING_DECLARED = Declared()


class Request(NamedTuple):
    """What is known of a call before it is sent. `body` is the bytes that the upstream gets."""

    operation: Operation
    model: str
    body: bytes
    stream: bool
    each: int | None
    """Output tokens that the caller declared for one choice; None: nothing. Of two bounds the larger counts: which of them an
    upstream obeys is not known here."""
    choices: int
    prompts: int

    @classmethod
    def of(cls, operation: Operation, model: str, body: bytes, stream: bool, declared: Declared) -> Request:
        if declared is NOTHING_DECLARED:
            return cls(operation, model, body, stream, 0 if operation.metering is Metering.EMBEDDING else None, 1, 1)
        each, choices = _declared_tokens(operation, declared), _choices(operation, declared)
        return cls(operation, model, body, stream, each, choices, declared.prompts)


class Bound(NamedTuple):
    """`input_nanos` (nano-dollars) includes a price per request; `output_rate` is in nano-dollars per million tokens.

    `output_tokens`: what the caller declared, over all choices; None: nothing. `max_output_tokens`: what the model can make at
    most, over all choices; None: unknown. `unbounded`: why the cost has no bound, as the rest of a sentence that begins with
    "…, because"; then the other figures are what is known, and no bound. It is None for a stream that declares nothing and
    whose model's maximum is unknown: that is paid for in slices.
    """

    input_nanos: int
    output_rate: int
    output_tokens: int | None
    max_output_tokens: int | None
    unbounded: str | None

    def output_nanos(self, tokens: int) -> int:
        """What so many tokens of output cost at most."""
        return -(-tokens * self.output_rate // PER_MILLION)

    def whole_nanos(self) -> int | None:
        """The whole call at most; None where that is not known."""
        tokens = self.max_output_tokens if self.output_tokens is None else self.output_tokens
        if self.unbounded is not None or tokens is None:
            return None
        return self.input_nanos + self.output_nanos(tokens)


def bound(price_book: PriceBook, windows: ContextWindows, request: Request, at_seconds: int) -> Bound:
    """By the price of the model asked that is in force at the call's admission (Unix seconds), as `pricing.settle` will."""
    operation, model, body, _, each, choices, _ = request
    window = windows.of(model)
    output_tokens = None if each is None else each * choices
    max_output_tokens = None if window is None else window * choices
    price = price_book.price_at(model, at_seconds)
    if price is None:
        why: str | None = f"the model '{shown(model)}' has no price"
        return Bound(0, 0, output_tokens, max_output_tokens, why)
    unseen = unseen_input(body)
    # A table may be wrong about a model: what is in the body counts in any case.
    tokens = len(body) if unseen is None or window is None else max(len(body), window * request.prompts)
    embeds = operation.metering is Metering.EMBEDDING
    if unseen is None and not price.tiers:
        worst, why = _of_text(price, embeds)
    else:
        possible = _possible(price, tokens)
        worst = _worst(possible, unseen is not None, embeds)
        why = _lacking(possible, embeds, body if unseen is not None else b"")
    if why is None and (window is None or unseen is not None):
        why = _unknown(request, unseen, window)
    input_nanos = -(-tokens * worst.input // PER_MILLION) + worst.request
    return Bound(input_nanos, worst.output, output_tokens, max_output_tokens, why)


def estimated_tokens(request: Request) -> int:
    """What a token limit is charged with at admission: input by its size, and the output that was declared."""
    each = request.each
    return guess_input(request.body) + (DEFAULT_OUTPUT_TOKENS if each is None else each) * request.choices


def _unknown(request: Request, unseen: str | None, window: int | None) -> str | None:
    """Why a call cannot be bounded although every unit of it has a price."""
    operation, model, _, stream, each, _, _ = request
    embeds = operation.metering is Metering.EMBEDDING  # of any number of inputs, each as large as the window
    if unseen is not None and (window is None or embeds):
        return (
            f"it has input that cannot be seen here ({unseen}), and nobody says how much '{shown(model)}' takes at most"
        )
    if window is None and not stream and each is None:
        field = _fields(operation)[-1]
        return f"it declares no bound of its output ({field}), and nobody says how much '{shown(model)}' makes at most"
    return None


# --- output ---

_OUTPUT_FIELDS = {
    Resource.CHAT: ("max_tokens", "max_completion_tokens"),
    Resource.COMPLETIONS: ("max_tokens",),
    Resource.RESPONSES: ("max_output_tokens",),
}


def _fields(operation: Operation) -> tuple[str, ...]:
    """The fields that bound an operation's output. Another's fields bound nothing: its upstream would ignore them."""
    return _OUTPUT_FIELDS.get(operation.resource, ("max_tokens",))


_POSITIONS = {resource: tuple(map(Declared._fields.index, fields)) for resource, fields in _OUTPUT_FIELDS.items()}


def _declared_tokens(operation: Operation, declared: Declared) -> int | None:
    if operation.metering is Metering.EMBEDDING:
        return 0
    most = None
    for position in _POSITIONS.get(operation.resource, _POSITIONS[Resource.COMPLETIONS]):
        value = declared[position]
        if value is not None and (most is None or value > most):
            most = value
    return most


def _choices(operation: Operation, declared: Declared) -> int:
    if operation.metering is Metering.COMPLETION:
        return max(declared.n or 1, declared.best_of or 1) * declared.prompts
    return declared.n or 1


# --- input that the body only refers to ---

_IMAGES = ("image_url", "input_image", "image_file", "image_embeds")
_SOUNDS = ("audio", "audio_url", "input_audio", "input_video", "video_url")
_FILES = ("file_data", "file_id", "file_ids", "file_url", "input_file")
_EARLIER = ("conversation", "item_reference", "previous_response_id")
_TOOLS = (
    "code_interpreter",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "mcp",
    "web_search",
    "web_search_options",
    "web_search_preview",
)


def _named(names: Sequence[str]) -> re.Pattern[bytes]:
    # The quote in front lets the search run from quote to quote, and past those that no name begins behind.
    firsts = "".join(sorted({name[0] for name in names}))
    return re.compile(f'"(?=[{firsts}])({"|".join(names)})"'.encode())


_UNSEEN = _named((*_IMAGES, *_SOUNDS, *_FILES, *_EARLIER, *_TOOLS))
_SOUND_GIVEN, _SOUND_MADE = _named(_SOUNDS), _named(("audio",))
# Letters and the underscore, spelt as escapes: nobody's serializer does that, and a name could hide behind it. An escaped
# backslash before a "u" is text.
_ESCAPED_LETTER = re.compile(rb"(?<!\\)(?:\\\\)*\\u00[4567][0-9a-fA-F]")
_HIDDEN = "escaped names"


def unseen_input(body: bytes) -> str | None:
    """The name of something in the body that stands for input which is elsewhere, or is no text; None if all of it is here.

    It looks for names between quotes anywhere in the body: what takes long to tell for sure is taken for it.
    """
    found = _UNSEEN.search(body)
    if found is not None:
        return found[1].decode()
    return _HIDDEN if body.find(b"\\u00") >= 0 and _ESCAPED_LETTER.search(body) else None


# --- rates ---


class _Worst(NamedTuple):
    """The highest rates that can hold: nano-dollars per million tokens, and per request."""

    input: int
    output: int
    request: int


_OF_TEXT: dict[tuple[int, bool], tuple[Price, _Worst, str | None]] = {}
_REMEMBERED_PRICES = 10_000


def _of_text(price: Price, embeds: bool) -> tuple[_Worst, str | None]:
    """What `_worst` and `_lacking` say of nothing but text at a price without tiers, remembered: nearly every call's."""
    found = _OF_TEXT.get((id(price), embeds))
    if found is None or found[0] is not price:
        if len(_OF_TEXT) >= _REMEMBERED_PRICES:
            _OF_TEXT.clear()
        rates = (price.rates,)
        found = price, _worst(rates, unseen=False, embeds=embeds), _lacking(rates, embeds, b"")
        _OF_TEXT[id(price), embeds] = found
    return found[1:]


def _possible(price: Price, input_tokens: int) -> Sequence[Rates]:
    """The rates of a call with any number of input tokens up to this."""
    if not price.tiers:
        return (price.rates,)
    return (price.rates, *(tier.rates for tier in price.tiers if tier.above < input_tokens))


def _worst(possible: Sequence[Rates], unseen: bool, embeds: bool) -> _Worst:
    """Input that cannot be seen may be sound; sound is made only where sound, or an earlier call with it, is spoken of."""
    given = made = request = 0
    for rates in possible:
        sound = rates.input_audio if unseen else None
        given = max(given, rates.input or 0, rates.cache_write or 0, rates.cached_input or 0, sound or 0)
        if not embeds:
            made = max(made, rates.output or 0, (rates.output_audio if unseen else None) or 0)
        request = max(request, rates.request)
    return _Worst(given, made, request)


def _lacking(possible: Sequence[Rates], embeds: bool, body: bytes) -> str | None:
    """Which unit the price does not name although the call may use it. `body`: empty where all input is plain text."""
    given, made = _SOUND_GIVEN.search(body), _SOUND_MADE.search(body)
    for rates in possible:
        if rates.input is None:
            return "its model has no price for input"
        if rates.output is None and not embeds:
            return "its model has no price for output"
        if (given and rates.input_audio is None) or (made and rates.output_audio is None):
            return "its model has no price for sound"
    return None
