"""Fields of a JSON body that are read here, found without reading the rest of it.

A body is forwarded as it came, so one in which a field could be read in two ways is refused: an upstream's parser might take the
other reading. That covers a repeated field, and one whose name differs only in case (Go's parser folds case, and takes the last).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from keyhouse.domain.errors import ErrorCode, KeyhouseError, shown

_MAX_MEMBERS = 1_000
"""Fields of a body that is looked at closely: more than anybody sends, and few enough to walk over."""
_MAX_COMMAS = 1_000_000
"""The same of what is within them: a walk over many millions of values would keep every other call waiting."""
# A name can hide behind escapes of its letters, and behind the two non-ASCII letters that fold to ASCII ones.
_ESCAPED_LETTER = re.compile(rb"\\u00[4567][0-9a-fA-F]|\\u017[fF]|\\u212[aA]")
_FOLDING = ("\u017f".encode(), "\u212a".encode())
# Numbers stay text: what is only walked over must not fail on a number of 5,000 digits.
_walk = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode


class Watched:
    """Some fields, by their names. Bodies are known to be JSON and UTF-8."""

    __slots__ = ("_in_any_case", "_names", "_quoted")

    def __init__(self, *names: str) -> None:
        encoded = [name.encode() for name in names]
        self._names = frozenset(names)
        self._quoted = frozenset(b'"%b"' % name for name in encoded)
        # The set of first letters lets the search run from quote to quote: a body may have millions. What it takes for a name
        # beyond the names (`"iodel"`) is only looked at closely.
        firsts = b"".join(sorted({name[:1] for name in encoded}))
        rests = b"|".join(name[1:] or b'(?<="%b)' % name for name in encoded)
        self._in_any_case = re.compile(b'"[%b](?:%b)"' % (firsts, rests), re.IGNORECASE)

    def may_be_in(self, body: bytes) -> bool:
        """Whether one of the fields could be read in it, anywhere; False only where none can be."""
        return self._in_any_case.search(body) is not None or _may_hide(body)

    def is_plain(self, body: bytes) -> bool:
        """Whether each occurs once at most, anywhere, in its own letters: then no close look is needed."""
        if _may_hide(body):
            return False
        seen = set()
        for match in self._in_any_case.finditer(body):
            if match[0] in seen or match[0] not in self._quoted:
                return False
            seen.add(match[0])
        return True

    def members(self, text: str, start: int, path: str = "") -> Iterator[tuple[str, int, int]]:
        """(key, start, end of value) of the object at `start`: the body, or what a walk over the body has found at `path`, which
        ends in a dot. Raises `duplicate_field` on a field that could be read in two ways, and `invalid_value` on what is too much
        to be looked at."""
        seen = set()
        counted = bool(path)
        at = skip(text, start + 1)
        members = 0
        while text[at] != "}":
            members += 1
            if members > _MAX_MEMBERS:
                raise KeyhouseError(ErrorCode.INVALID_VALUE, f"The body has more than {_MAX_MEMBERS:,} fields.")
            key, at = _walk(text, at)
            folded = key.casefold()
            if folded in self._names:
                if folded in seen or key != folded:
                    raise _ambiguous(key, folded, path, repeated=folded in seen)
                seen.add(folded)
            value = skip(text, skip(text, at) + 1)
            if not counted and text[value] in "[{":
                _require_few_commas(text)
                counted = True
            _, at = _walk(text, value)
            yield key, value, at
            at = _next(text, at)


def items(text: str, start: int) -> Iterator[int]:
    """Where each item of the array starts that a walk over the body has found at `start`."""
    at = skip(text, start + 1)
    while text[at] != "]":
        yield at
        at = _next(text, _walk(text, at)[1])


def skip(text: str, at: int) -> int:
    """Where the white space at `at` ends."""
    while text[at] in " \t\r\n":
        at += 1
    return at


def _may_hide(body: bytes) -> bool:
    """Whether a name could be there in other letters than its own."""
    if body.find(b"\\u") >= 0 and _ESCAPED_LETTER.search(body):
        return True
    return not body.isascii() and any(letter in body for letter in _FOLDING)


def _next(text: str, at: int) -> int:
    """Where the next member or item starts, or its container ends, behind a value that ended at `at`."""
    at = skip(text, at)
    return skip(text, at + 1) if text[at] == "," else at


def _require_few_commas(text: str) -> None:
    if len(text) > _MAX_COMMAS and text.count(",") > _MAX_COMMAS:
        message = f"A field needs a close look, and the body has more than {_MAX_COMMAS:,} commas: too many for one."
        raise KeyhouseError(ErrorCode.INVALID_VALUE, message)


def _ambiguous(key: str, folded: str, path: str, *, repeated: bool) -> KeyhouseError:
    problem = "occurs more than once" if repeated else f"differs from '{folded}' only in case"
    message = f"The field '{path}{shown(key)}' {problem}, so it could be read in two ways."
    return KeyhouseError(ErrorCode.DUPLICATE_FIELD, message, param=f"{path}{folded}")
