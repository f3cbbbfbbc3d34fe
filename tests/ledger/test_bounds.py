"""A call never costs more than its bound, and what cannot be bounded says why."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyhouse.domain.money import Price, Rates, Tier
from keyhouse.domain.operations import CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS, Operation
from keyhouse.domain.usage import TokenUsage
from keyhouse.edge.body import inspect
from keyhouse.ledger import tokenizer
from keyhouse.ledger.bounds import DEFAULT_OUTPUT_TOKENS, Bound, Request, bound, estimated_tokens, unseen_input
from keyhouse.ledger.context_windows import ContextWindows
from keyhouse.ledger.pricing import PriceBook, settle

DOLLAR = 1_000_000_000
SMALL = Rates(input=2 * DOLLAR, cached_input=DOLLAR, output=8 * DOLLAR)
WINDOWS = ContextWindows([], {"m": 10_000})
NOBODY_SAYS = ContextWindows([], {})


def book(rates: Rates = SMALL, *tiers: Tier) -> PriceBook:
    return PriceBook([Price("price_1", "m", 0, rates, tiers)])


def request(operation: Operation = CHAT_COMPLETIONS, /, **fields: object) -> Request:
    body = json.dumps({"model": "m", **fields}, ensure_ascii=False).encode()
    seen = inspect(body, can_stream=operation is not EMBEDDINGS)
    return Request.of(operation, seen.model, seen.body, seen.stream, seen.declared)


def bound_of(
    asked: Request, prices: PriceBook | None = None, windows: ContextWindows = WINDOWS, at: int = 100
) -> Bound:
    return bound(book() if prices is None else prices, windows, asked, at)


# --- the promise ---

rates = st.integers(0, 10**12)
maybe = st.none() | rates
priced = st.builds(
    Rates,
    input=rates,
    cached_input=maybe,
    cache_write=maybe,
    output=rates,
    input_audio=maybe,
    output_audio=maybe,
    request=st.integers(0, 10**9),
)


@st.composite
def prices(draw: st.DrawFn) -> PriceBook:
    above = sorted(draw(st.sets(st.integers(0, 12_000), max_size=3)))
    return book(draw(priced), *(Tier(at, draw(priced)) for at in above))


@st.composite
def usages(draw: st.DrawFn, most_input: int, most_output: int) -> TokenUsage:
    """What an upstream that keeps to the bounds may report."""
    given_tokens, made = draw(st.integers(0, most_input)), draw(st.integers(0, most_output))
    cached = draw(st.integers(0, given_tokens))
    written = draw(st.integers(0, given_tokens - cached))
    sound = draw(st.integers(0, given_tokens - cached - written))
    return TokenUsage(
        given_tokens, cached, written, made, draw(st.integers(0, made)), sound, draw(st.integers(0, made))
    )


fields = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(1, 4),
        "max_tokens": st.integers(1, 5_000),
        "max_completion_tokens": st.integers(1, 5_000),
        "stream": st.booleans(),
        "messages": st.text(max_size=200),
    },
)


@given(st.data(), prices(), fields, st.sampled_from([None, "image_url", "audio", "input_audio", "file_id"]))
def test_no_usage_within_the_bounds_costs_more(
    data: st.DataObject, prices: PriceBook, fields: dict[str, object], unseen: str | None
) -> None:
    asked = request(**fields, **({unseen: {}} if unseen else {}))
    found = bound_of(asked, prices)
    tokens = found.max_output_tokens if found.output_tokens is None else found.output_tokens
    assert tokens is not None
    usage = data.draw(usages(max(len(asked.body), 10_000 if unseen else 0), tokens))
    if not unseen:
        usage = replace(usage, input_audio_tokens=0, output_audio_tokens=0)
    cost = settle(prices, "m", "m", 100, usage).cost
    # A use that the price does not name leaves the call unpriced: it is charged nothing.
    total = 0 if cost is None else cost.total
    assert total <= found.input_nanos + found.output_nanos(tokens)
    if found.unbounded is None:
        assert total <= (found.whole_nanos() or 0)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=20))
def test_slices_cover_what_they_are_for(slices: list[int]) -> None:
    found = bound_of(request(), book(Rates(input=1, output=333_333)))
    usage = TokenUsage(0, output_tokens=sum(slices))
    cost = settle(book(Rates(input=1, output=333_333)), "m", None, 100, usage).cost
    assert cost is not None
    assert cost.total <= found.input_nanos + sum(found.output_nanos(tokens) for tokens in slices)


@settings(deadline=None)  # the first one reads a vocabulary
@given(st.text(max_size=300))
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4"])
def test_a_text_has_no_more_tokens_than_bytes(model: str, text: str) -> None:
    messages = [{"role": "user", "content": text}]
    assert tokenizer.count_chat_input(model, messages) <= len(request(messages=messages).body)
    assert tokenizer.count_prompt(model, [1, 23, 4]) <= len(b"[1,23,4]")


# --- output ---


@pytest.mark.parametrize(
    ("operation", "said", "tokens"),
    [
        (CHAT_COMPLETIONS, {"max_tokens": 7}, 7),
        (CHAT_COMPLETIONS, {"max_completion_tokens": 7, "n": 3}, 21),
        (CHAT_COMPLETIONS, {"max_completion_tokens": 7, "max_tokens": 9}, 9),
        (CHAT_COMPLETIONS, {"max_tokens": 7, "best_of": 5}, 7),
        (CHAT_COMPLETIONS, {"max_output_tokens": 1}, None),
        (CHAT_COMPLETIONS, {"n": 3}, None),
        (COMPLETIONS, {"max_tokens": 7, "n": 2, "best_of": 5}, 35),
        (COMPLETIONS, {"max_tokens": 7, "n": 2, "prompt": ["a", "b", "c"]}, 42),
        (COMPLETIONS, {"max_tokens": 0, "prompt": "a", "echo": True}, 0),
        (COMPLETIONS, {"max_completion_tokens": 1}, None),
        (EMBEDDINGS, {}, 0),
        (EMBEDDINGS, {"max_tokens": 7, "n": 3}, 0),
    ],
)
def test_a_declared_bound_counts_whole_and_for_every_answer(
    operation: Operation, said: dict[str, object], tokens: int | None
) -> None:
    assert bound_of(request(operation, **said)).output_tokens == tokens


def test_an_undeclared_output_is_bounded_by_what_the_model_takes() -> None:
    found = bound_of(request(n=2))
    assert (found.output_tokens, found.max_output_tokens, found.unbounded) == (None, 20_000, None)
    assert found.whole_nanos() == found.input_nanos + 20_000 * 8_000


def test_an_undeclared_output_of_a_model_that_nobody_knows_is_unbounded_unless_it_streams() -> None:
    plain, stream = bound_of(request(), windows=NOBODY_SAYS), bound_of(request(stream=True), windows=NOBODY_SAYS)
    assert plain.unbounded == (
        "it declares no bound of its output (max_completion_tokens), and nobody says how much 'm' makes at most"
    )
    assert (stream.unbounded, stream.max_output_tokens, stream.whole_nanos()) == (None, None, None)
    declared = bound_of(request(max_tokens=10), windows=NOBODY_SAYS)
    assert declared.whole_nanos() == declared.input_nanos + 80_000


# --- input ---


def test_input_in_the_body_is_its_bytes_at_the_highest_rate() -> None:
    asked = request(messages="é" * 100)
    assert bound_of(asked).input_nanos == len(asked.body) * 2_000
    assert bound_of(asked, book(replace(SMALL, cache_write=3 * DOLLAR))).input_nanos == len(asked.body) * 3_000
    assert bound_of(asked, book(replace(SMALL, request=77))).input_nanos == len(asked.body) * 2_000 + 77


def test_a_tier_counts_where_it_can_be_reached() -> None:
    asked = request(messages="x" * 100)
    high = Tier(len(asked.body), Rates(input=4 * DOLLAR, output=16 * DOLLAR))
    assert bound_of(asked, book(SMALL, high)).output_rate == 8 * DOLLAR
    reached = bound_of(asked, book(SMALL, replace(high, above=1)))
    assert (reached.input_nanos, reached.output_rate) == (len(asked.body) * 4_000, 16 * DOLLAR)


UNSEEN: list[dict[str, object]] = [
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b.png"}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "data:…"}}]}]},
    {"input": [{"type": "input_image", "image_url": "https://a/b.png"}]},
    {"previous_response_id": "resp_1"},
    {"conversation": "conv_1"},
    {"tools": [{"type": "web_search"}]},
    {"tools": [{"type": "file_search"}]},
    {"tools": [{"type": "code_interpreter"}]},
    {"web_search_options": {}},
]


@pytest.mark.parametrize("fields", UNSEEN, ids=str)
def test_input_that_cannot_be_seen_is_the_models_window(fields: dict[str, object]) -> None:
    assert bound_of(request(**fields, max_tokens=1)).input_nanos == 10_000 * 2_000
    unknown = bound_of(request(**fields, max_tokens=1), windows=NOBODY_SAYS).unbounded
    assert unknown is not None
    assert "cannot be seen here" in unknown


def test_a_window_that_is_smaller_than_the_body_does_not_shrink_the_bound() -> None:
    asked = request(messages="x" * 20_000, conversation="conv_1")
    assert bound_of(asked).input_nanos == len(asked.body) * 2_000


@pytest.mark.parametrize(
    "text", ['say "image_url"', "file_id", "an image_url: {}", "conversation: previous_response_id", "\\u0041"]
)
def test_what_people_write_about_such_fields_is_seen(text: str) -> None:
    assert unseen_input(request(messages=[{"role": "user", "content": f"{text}!"}]).body) is None


@pytest.mark.parametrize(
    "name", [b'"im\\u0061ge_url"', b'"image\\u005furl"', b'"file\\u005Fid"', b'"\\u0063onversation"']
)
def test_a_name_behind_escapes_is_not_overlooked(name: bytes) -> None:
    assert unseen_input(b'{"model":"m",%s:1}' % name) == "escaped names"


def test_escapes_of_other_letters_are_text() -> None:
    assert unseen_input(json.dumps({"content": "Grüße, 世界 <&> \x00 😀"}).encode()) is None


def test_an_embedding_of_what_cannot_be_seen_is_unbounded() -> None:
    assert "cannot be seen" in (bound_of(request(EMBEDDINGS, input=[{"image_url": "https://a/b"}])).unbounded or "")


# --- prices ---


def test_a_model_without_a_price_is_unbounded() -> None:
    found = bound_of(request(max_tokens=5), PriceBook([]))
    assert (found.unbounded, found.output_tokens, found.whole_nanos()) == ("the model 'm' has no price", 5, None)


def test_the_price_in_force_at_admission_counts() -> None:
    prices = PriceBook([Price("a", "m", 50, SMALL), Price("b", "m", 90, replace(SMALL, output=DOLLAR))])
    rates = [bound(prices, WINDOWS, request(max_tokens=1), at).output_rate for at in (49, 89, 90)]
    assert rates == [0, 8 * DOLLAR, DOLLAR]


@pytest.mark.parametrize(
    ("prices", "asked", "why"),
    [
        (Rates(output=1), request(), "its model has no price for input"),
        (Rates(input=1), request(), "its model has no price for output"),
        (SMALL, request(messages=[{"type": "input_audio"}]), "its model has no price for sound"),
        (replace(SMALL, input_audio=1), request(modalities=["text", "audio"]), "its model has no price for sound"),
    ],
)
def test_a_unit_without_a_price_is_unbounded(prices: Rates, asked: Request, why: str) -> None:
    assert bound_of(asked, book(prices)).unbounded == why


def test_an_embedding_needs_no_price_for_output() -> None:
    found = bound_of(request(EMBEDDINGS, input="x"), book(Rates(input=DOLLAR)))
    assert (found.unbounded, found.output_tokens, found.output_rate) == (None, 0, 0)
    assert found.whole_nanos() == found.input_nanos


def test_sound_is_bounded_at_its_own_rates() -> None:
    loud = replace(SMALL, input_audio=40 * DOLLAR, output_audio=80 * DOLLAR)
    found = bound_of(request(modalities=["text", "audio"], audio={"voice": "x"}, max_tokens=10), book(loud))
    assert (found.unbounded, found.input_nanos, found.output_rate) == (None, 10_000 * 40_000, 80 * DOLLAR)
    silent = bound_of(request(max_tokens=10), book(loud))
    assert silent.output_rate == 8 * DOLLAR


# --- the estimate ---


@pytest.mark.parametrize(
    ("operation", "said", "output"),
    [
        (CHAT_COMPLETIONS, {}, DEFAULT_OUTPUT_TOKENS),
        (CHAT_COMPLETIONS, {"n": 2}, 2 * DEFAULT_OUTPUT_TOKENS),
        (CHAT_COMPLETIONS, {"max_tokens": 40, "n": 2}, 80),
        (COMPLETIONS, {"max_tokens": 0, "prompt": "x"}, 0),
        (EMBEDDINGS, {"input": "x" * 4_000}, 0),
    ],
)
def test_token_limits_are_charged_with_an_estimate(operation: Operation, said: dict[str, object], output: int) -> None:
    asked = request(operation, **said)
    assert estimated_tokens(asked) == len(asked.body) // 4 + output
