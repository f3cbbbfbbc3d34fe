"""How many tokens a text has, for calls whose upstream reports no usage.

Every figure from here is an estimate: the upstream's own count, where there is one, is authoritative. The vocabularies are
package data (`tools/import_vocabularies.py` wrote them), read at first use and never downloaded. All functions are pure CPU:
call them in a worker thread. None raises on odd input, because a body that the upstream accepted still has to be counted.
"""

from __future__ import annotations

import json
import lzma
import threading
from base64 import b64decode
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tiktoken import Encoding

CL100K: Final = "cl100k_base"
O200K: Final = "o200k_base"

# OpenAI's cookbook, "How to count tokens with tiktoken": what wraps a message, names its author and primes the answer.
TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
TOKENS_PRIMING = 3

IMAGE_TOKENS = 765
"""An image whose size is not known here: 1024 × 1024 in high detail, by OpenAI's vision guide for gpt-4o (85 + 4 × 170)."""
LOW_DETAIL_IMAGE_TOKENS = 85
AUDIO_TOKENS = 600
"""An audio part: a minute of speech at one token per 100 ms, OpenAI's figure for user audio."""
FILE_TOKENS = 1_000
"""A file part: a house constant of the size of a page or two; OpenAI states no figure."""

MAX_COUNTED_CHARACTERS = 1_000_000
"""Text beyond this, over a whole call, is counted by the ratio of tokens to characters of the text before it."""
# tiktoken 0.14 panics (a stack overflow in its regex engine) on a run of about 999,000 spaces with o200k_base.
_CHUNK = 65_536
_CUT_WITHIN = 1_024
# A text costs this many characters of the budget at least, so that millions of tiny texts are bounded too.
_CHARACTERS_PER_TEXT = 16

_MODEL_PREFIXES: Final = (
    ("gpt-4o", O200K),
    ("gpt-4.", O200K),
    ("gpt-4", CL100K),
    ("gpt-3.5", CL100K),
    ("gpt-35", CL100K),
    ("text-embedding-", CL100K),
    ("davinci-002", CL100K),
    ("babbage-002", CL100K),
)


def encoding_for(model: str) -> str:
    """The vocabulary's name for a model's name; a vendor (`openai/…`) and `ft:` before it are ignored. Default o200k_base."""
    bare = model.rpartition("/")[2].lower().removeprefix("ft:")
    return next((encoding for prefix, encoding in _MODEL_PREFIXES if bare.startswith(prefix)), O200K)


def count_text(model: str, text: str) -> int:
    """Tokens of a text; the names of special tokens in it are ordinary text."""
    count = _Count(model)
    count.add(text)
    return count.total()


def count_chat_input(model: str, messages: object, tools: object = None) -> int:
    """Tokens of a chat's `messages` and of its `tools` (or `functions`), as decoded JSON, by the formula of OpenAI's cookbook.

    Tool definitions and whatever else is not text count as their JSON; images, audio and files as the constants above.
    """
    count = _Count(model)
    for message in messages if isinstance(messages, list) else [messages]:
        _add_message(count, message)
    if tools:
        count.add_json(tools)
    count.tokens += TOKENS_PRIMING
    return count.total()


def count_prompt(model: str, prompt: object) -> int:
    """Tokens of a completion's `prompt`: a text, texts, token ids, or lists of token ids."""
    count = _Count(model)
    for item in prompt if isinstance(prompt, list) else [prompt]:
        if isinstance(item, str):
            count.add(item)
        elif isinstance(item, list):
            count.tokens += len(item)
        elif item is not None:
            count.tokens += 1
    return count.total()


def count_embedding_input(model: str, value: object) -> int:
    """Tokens of an embedding's `input`, which has the shapes of a completion's `prompt`."""
    return count_prompt(model, value)


def _add_message(count: _Count, message: object) -> None:
    count.tokens += TOKENS_PER_MESSAGE
    if not isinstance(message, dict):
        count.add_json(message)
        return
    for field, value in message.items():
        if field == "content" and isinstance(value, list):
            for part in value:
                _add_part(count, part)
        elif isinstance(value, str):
            count.add(value)
        elif value is not None:
            count.add_json(value)
        if field == "name":
            count.tokens += TOKENS_PER_NAME


def _add_part(count: _Count, part: object) -> None:
    match part:
        case {"text": str(text)} | {"refusal": str(text)}:
            count.add(text)
        case {"type": "image_url" | "input_image"}:
            count.tokens += _image_tokens(part)
        case {"type": "input_audio"}:
            count.tokens += AUDIO_TOKENS
        case {"type": "file" | "input_file"}:
            count.tokens += FILE_TOKENS
        case str(text):
            count.add(text)
        case _:
            count.add_json(part)


def _image_tokens(part: object) -> int:
    match part:
        case {"image_url": {"detail": "low"}} | {"detail": "low"}:
            return LOW_DETAIL_IMAGE_TOKENS
        case _:
            return IMAGE_TOKENS


class _Count:
    """The running count of one call, whose work is bounded by a budget of characters."""

    def __init__(self, model: str) -> None:
        self.tokens = 0
        self._encoding = _encoding(encoding_for(model))
        self._budget = MAX_COUNTED_CHARACTERS
        self._text_tokens = 0
        self._counted = 0
        self._beyond = 0

    def add(self, text: str) -> None:
        within = min(len(text), max(self._budget, 0))
        for chunk in _chunks(text, within):
            self._text_tokens += len(self._encoding.encode_ordinary(chunk))
        self._budget -= max(within, _CHARACTERS_PER_TEXT)
        self._counted += within
        self._beyond += len(text) - within

    def add_json(self, value: object) -> None:
        self.add(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def total(self) -> int:
        by_ratio = -(-self._beyond * self._text_tokens // max(self._counted, 1))
        return self.tokens + self._text_tokens + by_ratio


def _chunks(text: str, end: int) -> Iterator[str]:
    """The text up to `end` in pieces of at most 65,536 characters.

    They are cut before a space that follows a non-space where there is one near: both patterns cut there too, so that the
    count stays exact.
    """
    start = 0
    while end - start > _CHUNK:
        cut = start + _CHUNK
        space = text.rfind(" ", cut - _CUT_WITHIN, cut)
        if space > 0 and not text[space - 1].isspace():
            cut = space
        yield text[start:cut]
        start = cut
    if end > start:
        yield text[start:end]


class _Vocabulary(NamedTuple):
    """What tiktoken's own `openai_public` says of it, beside its ranks."""

    pattern: str
    special_tokens: dict[str, int]


_VOCABULARIES: Final = {
    CL100K: _Vocabulary(
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        {
            "<|endoftext|>": 100257,
            "<|fim_prefix|>": 100258,
            "<|fim_middle|>": 100259,
            "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
    ),
    O200K: _Vocabulary(
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n/]*"
        r"|\s*[\r\n]+"
        r"|\s+(?!\S)"
        r"|\s+",
        {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
    ),
}

_loaded: dict[str, Encoding] = {}
_loading = threading.Lock()


def _encoding(name: str) -> Encoding:
    with _loading:
        if name not in _loaded:
            _loaded[name] = _load(name)
        return _loaded[name]


def _load(name: str) -> Encoding:
    from tiktoken import Encoding

    vocabulary = _VOCABULARIES[name]
    return Encoding(
        name, pat_str=vocabulary.pattern, mergeable_ranks=_ranks(name), special_tokens=vocabulary.special_tokens
    )


def _ranks(name: str) -> dict[bytes, int]:
    packed = files("keyhouse.ledger").joinpath("data", f"{name}.tiktoken.xz").read_bytes()
    lines = (line.split() for line in lzma.decompress(packed).splitlines())
    return {b64decode(token): int(rank) for token, rank in lines}
