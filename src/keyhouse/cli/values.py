"""Values as people type them: durations, permissions, lists of models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import msgspec
import typer
from msgspec import UNSET

from keyhouse.domain.errors import invalid, shown

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}

Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="NAME=VALUE", help="A tag, for reports; repeatable. All of them.")
]
NoTags = Annotated[bool, typer.Option("--no-tags", help="Take all tags away.")]


def duration(text: str, option: str) -> int:
    """Seconds of `90`, `90s`, `15m`, `1h`, `30d`, `2w` or `1y` (365 days)."""
    match = re.fullmatch(r"([0-9]{1,12})([smhdwy]?)", text.strip())
    if match is None:
        raise invalid(
            option, f"'{option}' must be a duration such as 90s, 15m, 1h, 30d, 2w or 1y, not '{shown(text)}'."
        )
    return int(match[1]) * _UNITS[match[2]]


def permissions(text: str) -> object:
    """`all`, `read_only`, a JSON object, or `chat=write,models=read`, in the form of the API."""
    if text in {"all", "read_only"}:
        return text
    if text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise invalid("--permissions", f"'--permissions' is not valid JSON: {error}.") from None
    granted: dict[str, str] = {}
    for part in text.split(","):
        resource, separator, access = (piece.strip() for piece in part.partition("="))
        if not separator or resource in granted:
            message = (
                "'--permissions' must be all, read_only, a JSON object, or resources such as chat=write,models=read."
            )
            raise invalid("--permissions", message)
        granted[resource] = access
    return granted


def tags(pairs: Iterable[str]) -> dict[str, str]:
    """`team=red`, each name once, in the form of the API."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or name in found:
            raise invalid("--tag", f"'--tag' must be NAME=VALUE, each name once, not '{shown(pair)}'.")
        found[name] = value
    return found


def tags_or_none(pairs: Sequence[str] | None, *, none: bool) -> object:
    """What `--tag` and `--no-tags` ask for: UNSET where neither is given."""
    if none and pairs:
        raise invalid("--no-tags", "'--tag' and '--no-tags' exclude each other.")
    return None if none else tags(pairs) if pairs else UNSET


def text_or_none(text: str | None, option: str, *, none: bool) -> object:
    """What `--option TEXT` and `--no-option` ask for: UNSET where neither is given."""
    if none and text is not None:
        raise invalid(f"--no-{option}", f"'--{option}' and '--no-{option}' exclude each other.")
    return None if none else UNSET if text is None else text


def tag_words(tags: Mapping[str, str]) -> str:
    """`env=prod, team=red`."""
    return ", ".join(f"{name}={shown(value, 128)}" for name, value in tags.items())


def names(text: str) -> list[str]:
    """Names with commas between them; an empty text is an empty list."""
    return [name.strip() for name in text.split(",")] if text.strip() else []
