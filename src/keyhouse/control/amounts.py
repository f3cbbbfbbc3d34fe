"""Amounts of money as callers give them: exact, or refused. What is stored is integer nano-dollars."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from keyhouse.control.fields import UNSET
from keyhouse.domain.errors import KeyhouseError, invalid
from keyhouse.domain.money import NANOS_PER_DOLLAR

MAX_DOLLARS = 1_000_000_000
"""The greatest amount of a budget, and of its increase: both together are far below what 64 bits of nano-dollars hold."""
NANOS_PER_CENT = NANOS_PER_DOLLAR // 100
_MAX_CENTS = MAX_DOLLARS * 100
_LONGEST = 40


def dollars(value: object, param: str = "amount", *, least: int = 0) -> int:
    """Nano-dollars of a decimal text of US dollars such as "100.00", to nine places; at least `least` nano-dollars.

    Numbers are refused: 0.1 has been rounded before it arrives here.
    """
    if not isinstance(value, str):
        raise _required(value, param) or invalid(
            param, f"'{param}' must be US dollars as a text in quotes, such as \"100.00\"."
        )
    text = value.strip()
    try:
        amount = Decimal(text) if len(text) <= _LONGEST and text.isascii() and "_" not in text else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise invalid(param, f"'{param}' must be an amount of US dollars such as 100.00.")
    if not 0 <= amount <= MAX_DOLLARS:
        raise invalid(param, f"'{param}' must be between 0 and {MAX_DOLLARS:,} US dollars.")
    nanos = amount * NANOS_PER_DOLLAR
    if nanos != nanos.to_integral_value():
        raise invalid(param, f"'{param}' has more than nine decimal places.")
    if nanos < least:
        raise invalid(param, f"'{param}' must be more than 0 US dollars.")
    return int(nanos)


def cents(value: object, param: str = "threshold_amount", *, least: int = 1) -> int:
    """Nano-dollars of a whole number of cents, at least `least` of them: OpenAI's amounts."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MAX_CENTS:
        raise _required(value, param) or invalid(
            param, f"'{param}' must be a whole number of cents between {least} and {_MAX_CENTS:,}."
        )
    return value * NANOS_PER_CENT


def monthly_cents(given: Mapping[str, object], *, least: int, within: str = "") -> int:
    """Nano-dollars of OpenAI's `{threshold_amount, currency: "USD", interval: "month"}`, all of which it requires.

    `within` is put before the names of the fields in sentences.
    """
    amount = cents(given.get("threshold_amount", UNSET), f"{within}threshold_amount", least=least)
    _only(given.get("currency", UNSET), f"{within}currency", "USD")
    _only(given.get("interval", UNSET), f"{within}interval", "month")
    return amount


def _only(value: object, param: str, expected: str) -> None:
    if value != expected:
        raise _required(value, param) or invalid(param, f"'{param}' must be \"{expected}\".")


def _required(value: object, param: str) -> KeyhouseError | None:
    return invalid(param, f"'{param}' is required.") if value is UNSET else None
