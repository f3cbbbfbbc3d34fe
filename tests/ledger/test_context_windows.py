"""How much a model takes, found as its price is."""

from __future__ import annotations

import pytest

from keyhouse.ledger import pricebook_data
from keyhouse.ledger.context_windows import ContextWindows, at_most
from keyhouse.upstream.local.catalog import MODELS

BUILT_IN = {model.id: model.context_window for model in MODELS}


@pytest.fixture(scope="module")
def windows() -> ContextWindows:
    return ContextWindows.load(BUILT_IN)


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-4", 8_192),
        ("GPT-4", 8_192),
        ("gpt-4o", 134_218),
        ("gpt-4.1", 1_048_576),
        ("text-embedding-3-small", 8_192),
        ("claude-3-5-sonnet-20241022", 209_716),
        ("smollm2-135m-instruct", 4_096),
        ("all-minilm-l6-v2", 512),
        ("gemini-2.5-pro", None),
        ("somebodys-own", None),
    ],
)
def test_a_models_window(windows: ContextWindows, model: str, tokens: int | None) -> None:
    assert windows.of(model) == tokens
    assert windows.of(model) == tokens


def test_every_packaged_name_has_the_window_of_its_price(windows: ContextWindows) -> None:
    packaged = list(pricebook_data.load())
    exact = [price for price in packaged if price.kind == "exact"]
    assert len(exact) > 1_000
    assert all(windows.of(price.pattern) == at_most(price.context_window) for price in exact)
    for name in ("gpt-5-mini-2031-01-01", "claude-3-5-sonnet-x", "o3-new", "us.anthropic.claude-3-haiku-x", "x/y"):
        found = pricebook_data.find(packaged, name)
        assert windows.of(name) == (at_most(found[0].context_window) if found else None)


@pytest.mark.parametrize(("published", "tokens"), [(None, None), (4_096, 4_096), (8_191, 8_191), (1_000_000, 2**20)])
def test_a_round_figure_may_mean_the_power_of_two_above_it(published: int | None, tokens: int | None) -> None:
    assert at_most(published) == tokens


def test_what_is_known_here_counts_before_what_is_published() -> None:
    windows = ContextWindows(pricebook_data.load(), {"gpt-4": 1_000})
    assert windows.of("gpt-4") == 1_000


def test_names_that_callers_make_up_do_not_pile_up() -> None:
    windows = ContextWindows([], {"m": 5})
    assert {windows.of(f"made-up-{n}") for n in range(25_000)} == {None}
    assert windows.of("m") == 5
    assert len(windows._found) <= 10_000
