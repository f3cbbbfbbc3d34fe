"""What a call used when nobody reports it: counted with a tokenizer, or, for what only a crash needs, guessed from its size.

`count` blocks (the first one loads a vocabulary): call it in a worker thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from keyhouse.domain.operations import Metering
from keyhouse.domain.usage import TokenUsage
from keyhouse.ledger import tokenizer

_BYTES_PER_TOKEN = 4
_INLINE_FILE = re.compile(rb";base64,[A-Za-z0-9+/=]+")


def count(metering: Metering, model: str, body: bytes, texts: Iterable[str]) -> TokenUsage:
    """Tokens of a request's body (a JSON object that an upstream took) and of the texts that answered it.

    A body that cannot be decoded whole, say for a number out of range, is guessed from its size: no call goes uncounted.
    """
    try:
        given = _count_input(metering, model, msgspec.json.decode(body, type=dict[str, object]))
    except (msgspec.DecodeError, RecursionError):
        given = guess_input(body)
    made = tokenizer.count_text(model, "".join(texts))
    return TokenUsage(input_tokens=given, output_tokens=made)


def guess_input(body: bytes) -> int:
    """Input tokens by size, for the intent: four bytes a token, an inline image or file at the tokenizer's constant."""
    if body.find(b";base64,") < 0:
        return len(body) // _BYTES_PER_TOKEN
    rest, files = _INLINE_FILE.subn(b"", body)
    return len(rest) // _BYTES_PER_TOKEN + files * tokenizer.IMAGE_TOKENS


def _count_input(metering: Metering, model: str, request: dict[str, object]) -> int:
    if metering is Metering.CHAT:
        tools = request.get("tools") or request.get("functions")
        return tokenizer.count_chat_input(model, request.get("messages"), tools)
    if metering is Metering.COMPLETION:
        return tokenizer.count_prompt(model, request.get("prompt"))
    return tokenizer.count_embedding_input(model, request.get("input"))
