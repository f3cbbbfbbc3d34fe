"""Query strings as OpenAI's SDKs write them: arrays as `a=1&a=2` and as `a[]=1`."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

from keyhouse.domain.errors import invalid, shown

_MAX_FIELDS = 1000
_TRUE_FALSE = {"true": True, "false": False}


class Query:
    """The parameters of one request. Every reading raises `invalid_value` with `param` set to the parameter's name."""

    def __init__(self, raw: bytes) -> None:
        try:
            pairs = parse_qsl(
                raw.decode("ascii"),
                keep_blank_values=True,
                max_num_fields=_MAX_FIELDS,
                encoding="utf-8",
                errors="strict",
            )
        except ValueError:
            raise invalid(
                "query", "The query string is not valid: UTF-8, percent-encoded, at most 1,000 fields."
            ) from None
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.removesuffix("[]"), []).append(value)

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Refuses a parameter that the operation does not have: a misspelt filter must not mean everything."""
        allowed = tuple(known)
        for name in self._values:
            if name not in allowed:
                raise invalid(shown(name), f"'{shown(name)}' is not a parameter of this operation.")

    def many(self, name: str) -> tuple[str, ...] | None:
        """Every value of a parameter, None if it is absent."""
        values = self._values.get(name)
        return None if values is None else tuple(values)

    def one(self, name: str) -> str | None:
        """The value of a parameter that occurs once, None if it is absent or empty."""
        values = self._values.get(name, [])
        if len(values) > 1:
            raise invalid(name, f"'{name}' is given {len(values)} times.")
        return values[0] if values and values[0] else None

    def integer(self, name: str, *, low: int, high: int) -> int | None:
        """A whole number between `low` and `high`, None if the parameter is absent."""
        text = self.one(name)
        if text is None:
            return None
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18) or not low <= int(text) <= high:
            raise invalid(name, f"'{name}' must be a whole number between {low} and {high}.")
        return int(text)

    def boolean(self, name: str) -> bool | None:
        """`true` or `false`, None if the parameter is absent."""
        text = self.one(name)
        if text is not None and text not in _TRUE_FALSE:
            raise invalid(name, f"'{name}' must be true or false.")
        return None if text is None else _TRUE_FALSE[text]

    def choice(self, name: str, *names: str) -> str | None:
        """One of the given names, None if the parameter is absent."""
        text = self.one(name)
        if text is not None and text not in names:
            raise invalid(name, f"'{name}' must be one of: {', '.join(names)}.")
        return text
