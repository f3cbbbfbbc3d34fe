"""Token counts of texts, chats and prompts when the upstream reports none."""

from __future__ import annotations

import hashlib
import importlib
import lzma
import random
import string
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import tiktoken.model
from hypothesis import given, settings
from hypothesis import strategies as st

from keyhouse.ledger import tokenizer
from keyhouse.ledger.tokenizer import count_chat_input, count_embedding_input, count_prompt, count_text, encoding_for

DATA = Path(tokenizer.__file__).parent / "data"
openai_public = importlib.import_module("tiktoken_ext.openai_public")
CONSTRUCTORS: dict[str, Any] = openai_public.ENCODING_CONSTRUCTORS
BOTH = ("gpt-4", "gpt-4o")


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_vocabulary_is_the_one_tiktoken_would_download(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    demanded: list[str] = []

    def no_download(_url: str, expected_hash: str) -> dict[bytes, int]:
        demanded.append(expected_hash)
        return {}

    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", no_download)
    theirs = CONSTRUCTORS[name]()
    stored = lzma.decompress((DATA / f"{name}.tiktoken.xz").read_bytes())
    assert [hashlib.sha256(stored).hexdigest()] == demanded
    ours = tokenizer._VOCABULARIES[name]
    assert ours.pattern == theirs["pat_str"]
    assert ours.special_tokens == theirs["special_tokens"]


@pytest.mark.parametrize(
    ("model", "text", "ids"),
    [
        # tiktoken's README and OpenAI's cookbook, "How to count tokens with tiktoken".
        ("gpt-4", "hello world", [15339, 1917]),
        ("gpt-4", "tiktoken is great!", [83, 1609, 5963, 374, 2294, 0]),
        ("gpt-4o", "tiktoken is great!", [83, 8251, 2488, 382, 2212, 0]),
        ("gpt-4", "antidisestablishmentarianism", [519, 85342, 34500, 479, 8997, 2191]),
        ("gpt-4", "2 + 2 = 4", [17, 489, 220, 17, 284, 220, 19]),
        ("gpt-4", "お誕生日おめでとう", [33334, 45918, 243, 21990, 9080, 33334, 62004, 16556, 78699]),
        ("gpt-4o", "お誕生日おめでとう", [8930, 9697, 243, 128225, 8930, 17693, 4344, 48669]),
    ],
)
def test_published_token_ids(model: str, text: str, ids: list[int]) -> None:
    assert tokenizer._encoding(encoding_for(model)).encode_ordinary(text) == ids
    assert count_text(model, text) == len(ids)


def test_vocabulary_follows_the_model_as_in_tiktoken() -> None:
    for model, name in tiktoken.model.MODEL_TO_ENCODING.items():
        if name in {"cl100k_base", "o200k_base"}:
            assert encoding_for(model) == name, model
    for prefix, name in tiktoken.model.MODEL_PREFIX_TO_ENCODING.items():
        if name in {"cl100k_base", "o200k_base"}:
            assert encoding_for(prefix + "2030-01-01") == name, prefix


def test_vendor_and_unknown_models_have_a_vocabulary() -> None:
    assert encoding_for("openai/gpt-4-turbo") == "cl100k_base"
    assert encoding_for("openai/gpt-4.1") == "o200k_base"
    assert encoding_for("ft:gpt-3.5-turbo:acme::abc") == "cl100k_base"
    assert encoding_for("smollm2-135m-instruct") == "o200k_base"
    assert encoding_for("") == "o200k_base"


# The messages of OpenAI's cookbook, whose counts the API itself reported: 129 (gpt-4) and 124 (gpt-4o).
COOKBOOK = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
    },
    {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
    {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    },
]


@pytest.mark.parametrize(
    ("model", "tokens"), [("gpt-3.5-turbo", 129), ("gpt-4", 129), ("gpt-4o", 124), ("gpt-4o-mini", 124)]
)
def test_chat_counts_are_those_of_the_cookbook(model: str, tokens: int) -> None:
    assert count_chat_input(model, COOKBOOK) == tokens


def test_content_parts_count_text_and_constants() -> None:
    def chat(*parts: object) -> int:
        return count_chat_input("gpt-4o", [{"role": "user", "content": list(parts)}])

    empty = chat()
    assert empty == 3 + 1 + 3
    assert chat({"type": "text", "text": "tiktoken is great!"}) == empty + 6
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    assert chat(image) == empty + tokenizer.IMAGE_TOKENS
    assert chat({"type": "image_url", "image_url": {"url": "https://example.com/a", "detail": "low"}}) == empty + 85
    assert chat({"type": "input_audio", "input_audio": {"data": "A" * 9_000}}) == empty + tokenizer.AUDIO_TOKENS
    assert chat({"type": "file", "file": {"file_data": "A" * 9_000}}) == empty + tokenizer.FILE_TOKENS


def test_tools_and_tool_calls_count_as_their_json() -> None:
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    as_text = count_text("gpt-4o", '[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]')
    plain = [{"role": "user", "content": "hello"}]
    assert count_chat_input("gpt-4o", plain, tools) == count_chat_input("gpt-4o", plain) + as_text
    called = [{"role": "assistant", "content": None, "tool_calls": tools}]
    assert count_chat_input("gpt-4o", called) == 3 + 1 + as_text + 3


def test_prompts_and_embedding_inputs_of_every_shape() -> None:
    for count in (count_prompt, count_embedding_input):
        assert count("gpt-4", "hello world") == 2
        assert count("gpt-4", ["hello world", "hello world", ""]) == 4
        assert count("gpt-4", [1, 2, 3]) == 3
        assert count("gpt-4", [[1, 2, 3], [4]]) == 4
        assert count("gpt-4", []) == 0
        assert count("gpt-4", None) == 0


def test_special_tokens_in_a_text_are_text() -> None:
    assert count_text("gpt-4o", "<|endoftext|>") == 7
    assert count_text("gpt-4", "<|endoftext|>") == 7


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "name"]), inner)
    ),
    max_leaves=12,
)


@given(body=JSON)
@settings(max_examples=200, deadline=None)
def test_no_decoded_json_makes_a_count_fail(body: object) -> None:
    assert count_chat_input("gpt-4o", body, body) >= tokenizer.TOKENS_PRIMING
    assert count_prompt("gpt-4", body) >= 0


def test_lone_surrogates_are_counted() -> None:
    assert count_text("gpt-4o", "\ud800 broken \udfff") > 0


def test_deeply_nested_tools_are_counted() -> None:
    deep: object = "x"
    for _ in range(800):
        deep = [deep]
    counted: list[int] = []
    worker = threading.Thread(target=lambda: counted.append(count_chat_input("gpt-4o", [], deep)))
    worker.start()
    worker.join()
    assert counted[0] > 100


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize("run", [" ", "\u00a0", "a", "A", "^", "/", "\n", " \n", "1", "é", "😀", "\u0301", "aA", "'"])
def test_a_run_of_one_character_is_counted_in_bounded_time(model: str, run: str) -> None:
    before = time.process_time()
    tokens = count_text(model, run * (1_500_000 // len(run)))
    # Linear work takes well under a second; quadratic work would take hours.
    assert time.process_time() - before < 20
    assert tokens > 1_000


def test_text_beyond_the_bound_counts_by_ratio() -> None:
    sentence = "The quick brown fox jumps over the lazy dog, and nobody minds. "
    once = count_text("gpt-4o", sentence * 1_000)
    much = count_text("gpt-4o", sentence * 200_000)
    assert abs(much - 200 * once) / (200 * once) < 0.01


def test_millions_of_tiny_texts_are_bounded_too() -> None:
    assert count_prompt("gpt-4o", ["a"] * 1_000_000) == 1_000_000


@pytest.mark.parametrize("model", BOTH)
def test_cutting_a_long_text_keeps_its_count_exact(model: str) -> None:
    source = random.Random(7)  # noqa: S311
    alphabet = string.ascii_letters + string.digits + ".,;:'\n/-" + "éß漢字"
    words = ("".join(source.choices(alphabet, k=source.randint(1, 12))) for _ in range(60_000))
    text = " ".join(words)
    assert len(text) > 3 * tokenizer._CHUNK
    assert count_text(model, text) == len(tokenizer._encoding(encoding_for(model)).encode_ordinary(text))


def test_importing_the_module_loads_no_vocabulary_and_no_tiktoken() -> None:
    code = "import sys, keyhouse.ledger.tokenizer as t; sys.exit('tiktoken' in sys.modules or bool(t._loaded))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_threads_that_count_at_once_load_a_vocabulary_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    load = tokenizer._load

    def counted_load(name: str) -> Any:
        loads.append(name)
        return load(name)

    monkeypatch.setattr(tokenizer, "_loaded", {})
    monkeypatch.setattr(tokenizer, "_load", counted_load)
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(count_text("gpt-4", "hello world"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [2] * 8
    assert loads == ["cl100k_base"]
