"""Writes the packaged prices: `python tools/import_prices.py [--skip-inexact] [--output FILE]`.

Run it with a Python that has genai-prices (MIT) installed; Keyhouse itself never imports it. The file has one line per name or
pattern and date, sorted, so that an update reads as a diff. Whatever cannot be carried exactly is left out as a whole model
and recorded with its reason: a model without a price is shown as unpriced, a wrong price would be shown as the truth.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from price_matching import OWNERS, RESELLERS, Claim, Claims, claims_of

OUTPUT = Path(__file__).resolve().parent.parent / "src" / "keyhouse" / "ledger" / "data" / "prices.json"

NANOS_PER_DOLLAR = 1_000_000_000
# Our name of a rate, and how many of genai-prices' units its price is for, by genai-prices' name of the price.
RATES = {
    "input_mtok": ("input", 1_000_000),
    "cache_read_mtok": ("cached_input", 1_000_000),
    "cache_write_mtok": ("cache_write", 1_000_000),
    "output_mtok": ("output", 1_000_000),
    "input_audio_mtok": ("input_audio", 1_000_000),
    "cache_audio_read_mtok": ("cached_input_audio", 1_000_000),
    "output_audio_mtok": ("output_audio", 1_000_000),
    "requests_kcount": ("request", 1_000),
}


class CannotCarryError(Exception):
    """A model's price that our table cannot say; the message is the reason."""


class InexactPriceError(CannotCarryError):
    """A price that is no whole number of nano-dollars."""


class Version(NamedTuple):
    """A price and the Unix second from which it is in force, 0 for always."""

    effective_from: int
    prices: dict[str, Any]


class Skipped(NamedTuple):
    provider: str
    model: str
    reason: str
    inexact: bool


class Imported(NamedTuple):
    rows: list[dict[str, Any]]
    skipped: list[Skipped]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--skip-inexact", action="store_true", help="leave out models whose price is not exact, instead of failing"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    providers, snapshot = installed_prices()
    imported = import_prices(providers)
    inexact = [skipped for skipped in imported.skipped if skipped.inexact]
    for skipped in inexact:
        sys.stderr.write(f"{skipped.provider} {skipped.model}: {skipped.reason}\n")
    if inexact and not arguments.skip_inexact:
        raise SystemExit(
            f"{len(inexact)} models have inexact prices; nothing was written. --skip-inexact leaves them out."
        )
    arguments.output.write_text(document(imported, snapshot), encoding="utf-8")
    sys.stderr.write(f"{len(imported.rows)} rows, {len(imported.skipped)} models skipped\n")


def installed_prices() -> tuple[list[Any], dict[str, str]]:
    """The providers of the installed genai-prices, and what the file shall say about their origin."""
    from genai_prices.data import providers
    from genai_prices.data_units import unit_data

    units = {unit["price_key"]: unit["per"] for unit in unit_data.values()}
    if changed := [key for key, (_, per) in RATES.items() if units.get(key) != per]:
        raise SystemExit(f"genai-prices changed the unit of {', '.join(changed)}; this tool must be changed first.")
    return list(providers), {
        "source": "genai-prices",
        "version": version("genai-prices"),
        "imported": f"{datetime.now(UTC):%F}",
    }


def import_prices(providers: Iterable[Any]) -> Imported:
    """Every row of the table, exact names first (sorted), then patterns in the order in which they are tried."""
    providers = list(providers)
    versions: dict[int, list[Version]] = {}
    skipped = [
        Skipped(p.id, "*", "a provider that is not ranked", False)
        for p in providers
        if p.id not in {*OWNERS, *RESELLERS}
    ]
    claims = claims_of(providers)
    for claim in _distinct(claims):
        try:
            versions[id(claim.model)] = versions_of(claim.model)
        except CannotCarryError as reason:
            skipped.append(Skipped(claim.provider, claim.model.id, str(reason), isinstance(reason, InexactPriceError)))
    rows = [row for rule in _rules(claims, versions) for row in rule_rows(rule, versions.get(id(rule.claim.model)))]
    return Imported(rows, sorted(skipped))


def _distinct(claims: Claims) -> list[Claim]:
    return list({id(claim.model): claim for claim in (*claims.exact.values(), *claims.patterns.values())}.values())


class Rule(NamedTuple):
    kind: str
    pattern: str
    claim: Claim


def _rules(claims: Claims, versions: dict[int, list[Version]]) -> Iterator[Rule]:
    for name in sorted(claims.exact):
        rule = Rule("exact", name, claims.exact[name])
        caught = claims.by_pattern(name)
        # A skipped name stays, without rates, where a pattern for other models would catch it and price it wrongly.
        if id(rule.claim.model) in versions or (caught and id(caught.model) in versions):
            yield rule
    for matcher, claim in claims.patterns.items():
        yield Rule(matcher.kind, matcher.pattern, claim)


def rule_rows(rule: Rule, versions: list[Version] | None) -> Iterator[dict[str, Any]]:
    """The rows of one name or pattern, by date; a single one without rates if its model was skipped."""
    model = rule.claim.model
    for effective_from, prices in versions or [Version(0, {})]:
        row = {
            "kind": rule.kind,
            "pattern": rule.pattern,
            "provider": rule.claim.provider,
            "effective_from": effective_from,
            **rates_of(prices),
        }
        if left_out := not_carried(model, prices):
            row["not_carried"] = left_out
        if model.context_window:
            row["context_window"] = model.context_window
        yield row


def versions_of(model: Any) -> list[Version]:
    """A model's prices by date. In genai-prices the last whose date has come wins, so dates must rise from an undated first."""
    conditional = model.prices if isinstance(model.prices, list) else [_Always(model.prices)]
    if any(hasattr(price.constraint, "start_time") for price in conditional):
        raise CannotCarryError("its price depends on the time of day")
    versions = [Version(_effective_from(price.constraint), _given(price.prices)) for price in conditional]
    dates = [dated.effective_from for dated in versions]
    if dates[0] != 0 or dates != sorted(set(dates)):
        raise ValueError(f"the dates of {model.id} do not rise from an undated first price: {dates}")
    for dated in versions:
        if not dated.prices.keys() & {"input_mtok", "output_mtok"}:
            raise CannotCarryError("it has no price per token" + _listed(dated.prices))
        rates_of(dated.prices)
    return versions


class _Always(NamedTuple):
    prices: Any
    constraint: None = None


def _given(prices: Any) -> dict[str, Any]:
    return {key: value for key, value in vars(prices).items() if value is not None}


def _listed(prices: dict[str, Any]) -> str:
    return f", only {', '.join(sorted(prices))}" if prices else ""


def _effective_from(constraint: Any) -> int:
    if constraint is None:
        return 0
    first_day = constraint.start_date
    return int(datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC).timestamp())


def rates_of(prices: dict[str, Any]) -> dict[str, Any]:
    """`rates`, and `tiers` where a price depends on the length of the input.

    In genai-prices a tier holds above (not at) its start of input tokens, for all tokens of the call, and the highest that
    holds is taken. A tier here has every rate, also those that do not change with it.
    """
    carried = {key: price for key, price in prices.items() if key in RATES}
    starts = sorted({tier.start for price in carried.values() for tier in getattr(price, "tiers", ())})
    rates = {"rates": _rates(carried, 0)}
    if not starts:
        return rates
    return rates | {"tiers": [{"above": start, "rates": _rates(carried, start + 1)} for start in starts]}


def _rates(prices: dict[str, Any], input_tokens: int) -> dict[str, int]:
    return {
        name: nano_dollars(_dollars(prices[key], input_tokens), key, per)
        for key, (name, per) in RATES.items()
        if key in prices
    }


def _dollars(price: Any, input_tokens: int) -> Decimal:
    if isinstance(price, Decimal):
        return price
    holding: list[Decimal] = [
        tier.price for tier in sorted(price.tiers, key=lambda tier: tier.start) if input_tokens > tier.start
    ]
    return holding[-1] if holding else price.base


def nano_dollars(dollars: Decimal, key: str, per: int) -> int:
    """Exactly: nano-dollars per million tokens, and per call for a price of a thousand calls."""
    numerator, denominator = dollars.as_integer_ratio()
    nanos, rest = divmod(numerator * NANOS_PER_DOLLAR, denominator * (1 if per == 1_000_000 else per))
    if rest:
        raise InexactPriceError(f"{key} {dollars} is no whole number of nano-dollars")
    if nanos < 0:
        raise ValueError(f"a negative price: {key} {dollars}")
    return nanos


def not_carried(model: Any, prices: dict[str, Any]) -> list[str]:
    """What the source prices apart and our table does not: other units, and what depends on a field of the request."""
    units = [key for key in prices if key not in RATES]
    variants = [f"{key}={value}" for variant in model.price_variants or () for key, value in variant.when.items()]
    return sorted({*units, *variants})


def document(imported: Imported, provenance: dict[str, str]) -> str:
    """The file: three members, one line for each of their items."""
    skipped = [{"provider": s.provider, "model": s.model, "reason": s.reason} for s in imported.skipped]
    parts = [f'"provenance": {_line(provenance)}', _lines("skipped", skipped), _lines("prices", imported.rows)]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(name: str, items: list[dict[str, Any]]) -> str:
    return f'"{name}": [\n' + ",\n".join(_line(item) for item in items) + "\n]"


def _line(item: dict[str, Any]) -> str:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
