"""Rate limits as people type them: `--requests-per-minute 60`, `requests-per-minute=60,tokens-per-minute=none`."""

from __future__ import annotations

from typing import Annotated

import typer

from keyhouse.domain.errors import invalid, shown
from keyhouse.domain.limits import NO_LIMIT, LimitKind

WORDS = {
    "requests-per-minute": LimitKind.REQUESTS_PER_MINUTE,
    "tokens-per-minute": LimitKind.TOKENS_PER_MINUTE,
    "images-per-minute": LimitKind.IMAGES_PER_MINUTE,
    "audio-megabytes-per-minute": LimitKind.AUDIO_MEGABYTES_PER_MINUTE,
    "requests-per-day": LimitKind.REQUESTS_PER_DAY,
    "batch-input-tokens-per-day": LimitKind.BATCH_INPUT_TOKENS_PER_DAY,
}
HEADS = ("REQUESTS/MIN", "TOKENS/MIN", "IMAGES/MIN", "AUDIO MB/MIN", "REQUESTS/DAY", "BATCH TOKENS/DAY")

RequestsPerMinute = Annotated[str | None, typer.Option(metavar="N|none", help="Requests a minute; 0 refuses all.")]
TokensPerMinute = Annotated[str | None, typer.Option(metavar="N|none", help="Tokens a minute.")]
ImagesPerMinute = Annotated[str | None, typer.Option(metavar="N|none", help="Images a minute.")]
AudioPerMinute = Annotated[
    str | None, typer.Option("--audio-megabytes-per-minute", metavar="N|none", help="Megabytes of audio a minute.")
]
RequestsPerDay = Annotated[str | None, typer.Option(metavar="N|none", help="Requests a day.")]
BatchPerDay = Annotated[
    str | None, typer.Option("--batch-input-tokens-per-day", metavar="N|none", help="Input tokens of batches a day.")
]
OfKey = Annotated[
    str | None,
    typer.Option(
        metavar="LIMITS", help="All the key's own rate limits: requests-per-minute=60,tokens-per-minute=9000; or none."
    ),
]


def numbers(*texts: str | None) -> dict[str, object]:
    """The options in the order of `WORDS`, those that are given, as the API's fields. `none` is no limit."""
    given = zip(WORDS.items(), texts, strict=True)
    return {kind.field: _number(text, f"--{word}") for (word, kind), text in given if text is not None}


def of_key(text: str) -> object:
    """A key's `--rate-limit` in the form of the API: `none` is null."""
    if text == "none":
        return None
    limits: dict[str, object] = {}
    for part in text.split(","):
        word, separator, value = (piece.strip() for piece in part.partition("="))
        kind = WORDS.get(word)
        if not separator or kind is None or kind.field in limits:
            known = ", ".join(list(WORDS)[:5])
            message = f"'--rate-limit' must be none, or limits such as requests-per-minute=60 with commas, each once: {known}."
            raise invalid("--rate-limit", message)
        limits[kind.field] = _number(value, "--rate-limit")
    return limits


def cells(limits: dict[str, int]) -> list[str | None]:
    """Numbers by the API's field as cells under `HEADS`."""
    return [None if (limit := limits.get(kind.field)) is None else f"{limit:,}" for kind in WORDS.values()]


def sentence(limits: dict[str, int]) -> str:
    """`60 requests per minute, 1,000 tokens per minute`."""
    kinds = [kind for kind in WORDS.values() if kind.field in limits]
    return ", ".join(f"{limits[kind.field]:,} {kind.noun}" for kind in kinds) or "none"


def _number(text: str, option: str) -> int:
    if text == "none":
        return NO_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise invalid(option, f"'{option}' must be a whole number or none, not '{shown(text)}'.")
    return int(text)
