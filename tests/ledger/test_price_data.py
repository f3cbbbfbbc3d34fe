"""The packaged prices, and the tool that imports them."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keyhouse.domain.money import Rates
from keyhouse.ledger.pricebook_data import PackagedPrice, find, load, provenance

TOOLS = Path(__file__).resolve().parents[2] / "tools"
DOLLAR = 1_000_000_000


@pytest.fixture(scope="module")
def packaged() -> list[PackagedPrice]:
    return list(load())


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(TOOLS))
    yield importlib.import_module("import_prices")
    for name in ("import_prices", "price_matching"):
        sys.modules.pop(name, None)


def amounts(rates: Rates) -> list[int | None]:
    return [getattr(rates, name) for name in Rates.__slots__]


def test_every_packaged_price_is_a_whole_number_of_nano_dollars(packaged: list[PackagedPrice]) -> None:
    assert len(packaged) > 1_000
    for price in packaged:
        given = [
            *amounts(price.rates),
            price.cached_input_audio,
            *(rate for tier in price.tiers for rate in amounts(tier.rates)),
        ]
        assert all(type(rate) is int and rate >= 0 for rate in given if rate is not None), price


def test_no_pattern_has_two_prices_from_the_same_day(packaged: list[PackagedPrice]) -> None:
    keys = [(price.kind, price.pattern, price.effective_from) for price in packaged]
    assert len(set(keys)) == len(keys)


def test_versions_and_tiers_ascend_and_days_begin_at_utc_midnight(packaged: list[PackagedPrice]) -> None:
    for price in packaged:
        assert price.effective_from % 86_400 == 0
        above = [tier.above for tier in price.tiers]
        assert above == sorted(set(above))
    rows = [((price.kind, price.pattern), price.effective_from) for price in packaged]
    by_pattern: dict[tuple[str, str], list[int]] = {}
    for key, effective_from in rows:
        by_pattern.setdefault(key, []).append(effective_from)
    assert all(days[0] == 0 and days == sorted(days) for days in by_pattern.values())


def test_patterns_are_in_lower_case(packaged: list[PackagedPrice]) -> None:
    assert all(price.pattern == price.pattern.lower() for price in packaged if price.kind != "regex")


def test_exact_names_come_before_patterns(packaged: list[PackagedPrice]) -> None:
    kinds = [price.kind == "exact" for price in packaged]
    assert kinds == sorted(kinds, reverse=True)


def test_cached_audio_has_one_rate_whatever_the_tier() -> None:
    file = Path(sys.modules[load.__module__].__file__ or "").parent / "data" / "prices.json"
    for row in json.loads(file.read_text(encoding="utf-8"))["prices"]:
        rate = row["rates"].get("cached_input_audio")
        assert all(tier["rates"].get("cached_input_audio") == rate for tier in row.get("tiers", ()))


@pytest.mark.parametrize(
    ("model", "provider", "dollars"),
    [
        ("gpt-4o", "openai", ("2.5", "1.25", "10")),
        ("gpt-4o-2024-11-20", "openai", ("2.5", "1.25", "10")),
        ("GPT-4o-mini", "openai", ("0.15", "0.075", "0.6")),
        ("gpt-4", "openai", ("30", None, "60")),
        ("gpt-3.5-turbo", "openai", ("0.5", None, "1.5")),
        ("text-embedding-3-small", "openai", ("0.02", None, None)),
        ("claude-3-5-sonnet-20241022", "anthropic", ("3", "0.3", "15")),
        ("gemini-2.5-pro", "google", ("1.25", "0.125", "10")),
        ("llama-3.3-70b-versatile", "groq", ("0.59", None, "0.79")),
    ],
)
def test_published_prices(
    packaged: list[PackagedPrice], model: str, provider: str, dollars: tuple[str | None, ...]
) -> None:
    price = find(packaged, model)[0]
    assert price.provider == provider
    expected = tuple(None if amount is None else int(Decimal(amount) * DOLLAR) for amount in dollars)
    assert (price.rates.input, price.rates.cached_input, price.rates.output) == expected


def test_published_price_cut_is_dated(packaged: list[PackagedPrice]) -> None:
    before, after = find(packaged, "o3")
    assert (before.rates.input, before.rates.output) == (10 * DOLLAR, 40 * DOLLAR)
    assert (after.rates.input, after.rates.output) == (2 * DOLLAR, 8 * DOLLAR)
    assert after.effective_from == int(datetime(2025, 6, 10, tzinfo=UTC).timestamp())


def test_published_tier_and_request_price(packaged: list[PackagedPrice]) -> None:
    (tier,) = find(packaged, "gemini-2.5-pro")[0].tiers
    assert (tier.above, tier.rates.input, tier.rates.output) == (200_000, 2_500_000_000, 15 * DOLLAR)
    assert find(packaged, "sonar-pro")[0].rates.request == 14_000_000


def test_models_of_ones_own_have_no_packaged_price(packaged: list[PackagedPrice]) -> None:
    for model in ("smollm2-135m-instruct", "llama3.1:8b", "llama3.1-8b", "my-finetune", "Qwen3-8B", ""):
        assert find(packaged, model) == []


def test_names_whose_price_cannot_be_carried_are_unpriced_not_free(packaged: list[PackagedPrice]) -> None:
    assert find(packaged, "whisper-1") == []
    for price in find(packaged, "deepseek-chat"):
        assert (price.rates.input, price.rates.output) == (None, None)


def test_provenance_names_source_version_and_day() -> None:
    origin = provenance()
    assert origin.source == "genai-prices"
    assert origin.version
    assert date.fromisoformat(origin.imported) > date(2025, 1, 1)


# --- the import, on providers made up here in the shapes of genai-prices ----------------------------------------------


def usd(**prices: Any) -> SimpleNamespace:
    return SimpleNamespace(
        **{key: Decimal(value) if isinstance(value, str) else value for key, value in prices.items()}
    )


def tiered(base: str, **tiers: str) -> SimpleNamespace:
    steps = [SimpleNamespace(start=int(start[1:]), price=Decimal(price)) for start, price in tiers.items()]
    return SimpleNamespace(base=Decimal(base), tiers=steps)


def dated(prices: Any, **constraint: Any) -> SimpleNamespace:
    return SimpleNamespace(prices=prices, constraint=SimpleNamespace(**constraint) if constraint else None)


def model(
    name: str, prices: Any, *, match: Any = None, variants: Any = None, window: int | None = None
) -> SimpleNamespace:
    match = match or SimpleNamespace(equals=name)
    return SimpleNamespace(id=name, match=match, prices=prices, price_variants=variants, context_window=window)


def provider(name: str, *models: Any, vendor: Any = None) -> SimpleNamespace:
    return SimpleNamespace(id=name, models=list(models), model_match=vendor)


def rows(tool: Any, *providers: Any) -> list[dict[str, Any]]:
    imported: list[dict[str, Any]] = tool.import_prices(providers).rows
    return imported


def test_a_row_has_integer_rates_and_says_what_it_leaves_out(tool: Any) -> None:
    prices = usd(
        input_mtok="2.5", cache_read_mtok="1.25", output_mtok="10", requests_kcount="12", web_searches_kcount="10"
    )
    variants = [SimpleNamespace(when={"service_tier": "flex"}, prices=usd(input_mtok="1"))]
    (row,) = rows(tool, provider("openai", model("GPT-X", prices, variants=variants, window=128_000)))
    assert row == {
        "kind": "exact",
        "pattern": "gpt-x",
        "provider": "openai",
        "effective_from": 0,
        "rates": {
            "input": 2_500_000_000,
            "cached_input": 1_250_000_000,
            "output": 10_000_000_000,
            "request": 12_000_000,
        },
        "not_carried": ["service_tier=flex", "web_searches_kcount"],
        "context_window": 128_000,
    }


def test_a_start_date_is_a_version_from_that_utc_midnight(tool: Any) -> None:
    versions = [dated(usd(input_mtok="10")), dated(usd(input_mtok="2"), start_date=date(2025, 6, 10))]
    old, new = rows(tool, provider("openai", model("o9", versions)))
    assert (old["effective_from"], old["rates"]) == (0, {"input": 10 * DOLLAR})
    assert (new["effective_from"], new["rates"]) == (1_749_513_600, {"input": 2 * DOLLAR})


def test_dates_that_fall_stop_the_import(tool: Any) -> None:
    versions = [dated(usd(input_mtok="1")), dated(usd(input_mtok="2"), start_date=date(2026, 1, 2))]
    versions.append(dated(usd(input_mtok="3"), start_date=date(2026, 1, 1)))
    with pytest.raises(ValueError, match="do not rise"):
        rows(tool, provider("openai", model("o9", versions)))


def test_a_tier_carries_every_rate_at_every_threshold(tool: Any) -> None:
    prices = usd(input_mtok=tiered("1", _200="2", _400="3"), output_mtok=tiered("5", _400="7"), cache_read_mtok="0.1")
    (row,) = rows(tool, provider("google", model("gem", prices)))
    cached = DOLLAR // 10
    assert row["rates"] == {"input": 1 * DOLLAR, "cached_input": cached, "output": 5 * DOLLAR}
    assert row["tiers"] == [
        {"above": 200, "rates": {"input": 2 * DOLLAR, "cached_input": cached, "output": 5 * DOLLAR}},
        {"above": 400, "rates": {"input": 3 * DOLLAR, "cached_input": cached, "output": 7 * DOLLAR}},
    ]


def test_a_price_by_time_of_day_leaves_the_model_unpriced_with_the_reason(tool: Any) -> None:
    night = dated(usd(input_mtok="1"), start_time=time(1), end_time=time(4))
    imported = tool.import_prices([provider("deepseek", model("deep", [dated(usd(input_mtok="2")), night]))])
    assert imported.rows == []
    assert [(skipped.model, skipped.reason) for skipped in imported.skipped] == [
        ("deep", "its price depends on the time of day")
    ]


def test_a_model_without_a_token_price_is_skipped_never_free(tool: Any) -> None:
    imported = tool.import_prices([provider("openai", model("whisper", usd(audio_hours="0.36")), model("free", usd()))])
    assert imported.rows == []
    assert [skipped.reason for skipped in imported.skipped] == [
        "it has no price per token",
        "it has no price per token, only audio_hours",
    ]


def test_an_inexact_price_fails_the_import_unless_it_is_left_out(
    tool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    providers = [
        provider("openai", model("gpt-x", usd(input_mtok="0.08333333333333334")), model("gpt-y", usd(input_mtok="0.1")))
    ]
    monkeypatch.setattr(tool, "installed_prices", lambda: (providers, {"source": "made up"}))
    output = tmp_path / "prices.json"
    monkeypatch.setattr(sys, "argv", ["import_prices.py", "--output", str(output)])
    with pytest.raises(SystemExit, match="1 models have inexact prices; nothing was written"):
        tool.main()
    assert "openai gpt-x: input_mtok 0.08333333333333334" in capsys.readouterr().err
    assert not output.exists()
    monkeypatch.setattr(sys, "argv", ["import_prices.py", "--output", str(output), "--skip-inexact"])
    tool.main()
    written = json.loads(output.read_text(encoding="utf-8"))
    assert [row["pattern"] for row in written["prices"]] == ["gpt-y"]
    assert [skipped["model"] for skipped in written["skipped"]] == ["gpt-x"]


def test_a_negative_price_stops_the_import(tool: Any) -> None:
    with pytest.raises(ValueError, match="negative"):
        rows(tool, provider("openai", model("gpt-x", usd(input_mtok="-1"))))


def test_a_name_of_two_providers_goes_to_the_first_in_the_ranking(tool: Any) -> None:
    groq = provider("groq", model("openai/gpt-oss", usd(input_mtok="3")), model("gpt-x", usd(input_mtok="4")))
    openai = provider("openai", model("gpt-x", usd(input_mtok="1")))
    resold = provider(
        "openrouter", model("openai/gpt-oss", usd(input_mtok="5")), model("openai/gpt-x", usd(input_mtok="6"))
    )
    found = {row["pattern"]: row["provider"] for row in rows(tool, resold, groq, openai)}
    assert found == {"gpt-x": "openai", "openai/gpt-oss": "groq", "openai/gpt-x": "openrouter"}


def test_a_reseller_is_imported_by_its_own_ids_only(tool: Any) -> None:
    reseller = provider(
        "openrouter", model("gpt-oss", usd(input_mtok="5")), model("vendor/gpt-oss", usd(input_mtok="5"))
    )
    bedrock = provider("aws", model("nova", usd(input_mtok="1"), match=SimpleNamespace(contains="amazon.nova")))
    assert [row["pattern"] for row in rows(tool, reseller, bedrock)] == ["vendor/gpt-oss", "amazon.nova"]


def test_an_unranked_provider_is_not_imported_and_said_so(tool: Any) -> None:
    imported = tool.import_prices([provider("newcomer", model("gpt-x", usd(input_mtok="1")))])
    assert imported.rows == []
    assert [(skipped.provider, skipped.reason) for skipped in imported.skipped] == [
        ("newcomer", "a provider that is not ranked")
    ]


def test_an_exact_name_has_the_price_of_the_first_rule_that_matches_it(tool: Any) -> None:
    wide = model("gpt-x", usd(input_mtok="1"), match=SimpleNamespace(starts_with="gpt-x"))
    found = rows(tool, provider("openai", wide, model("gpt-x-mini", usd(input_mtok="9"))))
    assert [(row["kind"], row["pattern"], row["rates"]["input"]) for row in found] == [
        ("exact", "gpt-x", DOLLAR),
        ("exact", "gpt-x-mini", DOLLAR),
        ("prefix", "gpt-x", DOLLAR),
    ]


def test_patterns_keep_their_order_and_loose_ones_must_name_the_vendor(tool: Any) -> None:
    clauses = [
        SimpleNamespace(regex=r"^gem-\d$"),
        SimpleNamespace(contains="gem-flash"),
        SimpleNamespace(contains="llama"),
        SimpleNamespace(ends_with="/gem"),
    ]
    both = SimpleNamespace(and_=[SimpleNamespace(starts_with="gem-2.5"), SimpleNamespace(regex="^(?!.*-tts$)")])
    match = SimpleNamespace(or_=[*clauses, both])
    found = rows(
        tool, provider("google", model("g", usd(input_mtok="1"), match=match), vendor=SimpleNamespace(contains="gem"))
    )
    assert [(row["kind"], row["pattern"]) for row in found][:3] == [
        ("regex", r"^gem-\d$"),
        ("contains", "gem-flash"),
        ("suffix", "/gem"),
    ]
    combined = PackagedPrice("regex", found[3]["pattern"], "google", 0, Rates(), (), None, (), None)
    assert combined.matches("Gem-2.5-pro")
    assert not combined.matches("gem-2.5-pro-tts")
    assert not combined.matches("gem-2x5-pro")


def test_a_skipped_name_is_kept_without_rates_where_a_pattern_would_catch_it(tool: Any) -> None:
    gem = model("gem", usd(input_mtok="1"), match=SimpleNamespace(contains="gem"))
    google = provider("google", gem, vendor=SimpleNamespace(contains="gem"))
    found = rows(tool, google, provider("openrouter", model("google/gem:free", usd()), model("other/x:free", usd())))
    assert [(row["pattern"], row["rates"]) for row in found if row["provider"] == "openrouter"] == [
        ("google/gem:free", {})
    ]


def test_an_unknown_clause_stops_the_import(tool: Any) -> None:
    with pytest.raises(ValueError, match="does not know: sounds_like"):
        rows(tool, provider("openai", model("gpt-x", usd(input_mtok="1"), match=SimpleNamespace(sounds_like="gpt"))))


def test_the_document_is_the_same_whatever_the_order_of_names(tool: Any) -> None:
    models = [model(name, usd(input_mtok="1", output_mtok="2")) for name in ("b", "a", "c")]
    forward = tool.document(tool.import_prices([provider("openai", *models)]), {"source": "made up"})
    backward = tool.document(tool.import_prices([provider("openai", *reversed(models))]), {"source": "made up"})
    assert forward == backward
    assert json.loads(forward)["provenance"] == {"source": "made up"}
    assert len(forward.splitlines()) == len(["{", "provenance", "skipped", "", "]", "prices", "a", "b", "c", "]", "}"])


def test_the_packaged_file_is_as_the_tool_writes_it(tool: Any) -> None:
    text = tool.OUTPUT.read_text(encoding="utf-8")
    file = json.loads(text)
    skipped = [tool.Skipped(item["provider"], item["model"], item["reason"], False) for item in file["skipped"]]
    assert tool.document(tool.Imported(file["prices"], skipped), file["provenance"]) == text
