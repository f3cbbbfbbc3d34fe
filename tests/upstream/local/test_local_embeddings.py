"""What the built-in embedding model answers."""

from __future__ import annotations

import base64
import struct
from typing import Any

import httpx
import pytest
from openai import OpenAI

from keyhouse.upstream.local import LocalEndpoints

MODEL = "all-minilm-l6-v2"
CAT, KITTEN, TAX = "A cat sat on the mat.", "A kitten rests on a rug.", "The quarterly tax filing is due."


def embed(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/embeddings", json={"model": MODEL, **fields})


def vectors(client: httpx.Client, *texts: str) -> list[list[float]]:
    data = embed(client, input=list(texts)).json()["data"]
    assert [item["index"] for item in data] == list(range(len(texts)))
    return [item["embedding"] for item in data]


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_similar_sentences_are_closer(client: httpx.Client) -> None:
    cat, kitten, tax = vectors(client, CAT, KITTEN, TAX)
    assert dot(cat, kitten) > 0.5
    assert dot(cat, tax) < 0.2


def test_vectors_have_length_one(client: httpx.Client) -> None:
    (cat,) = vectors(client, CAT)
    assert len(cat) == 384
    assert dot(cat, cat) == pytest.approx(1)


def test_text_has_one_vector_whatever_its_neighbours(client: httpx.Client) -> None:
    alone, beside = vectors(client, CAT), vectors(client, TAX * 20, CAT)
    assert alone[0] == beside[1]


def test_base64_equals_float(client: httpx.Client) -> None:
    encoded = embed(client, input=CAT, encoding_format="base64").json()["data"][0]["embedding"]
    assert list(struct.unpack("<384f", base64.b64decode(encoded))) == vectors(client, CAT)[0]


def test_usage_counts_the_tokens_of_all_inputs(client: httpx.Client) -> None:
    one, two = (embed(client, input=texts).json()["usage"] for texts in (CAT, [CAT, CAT]))
    assert one["prompt_tokens"] == one["total_tokens"] > 0
    assert two["prompt_tokens"] == 2 * one["prompt_tokens"]


def test_own_dimensions_may_be_named(client: httpx.Client) -> None:
    assert embed(client, input=CAT, dimensions=384).status_code == 200


def test_openai_sdk_works_unmodified(client: httpx.Client, endpoints: LocalEndpoints) -> None:
    sdk = OpenAI(base_url=endpoints.base_url, api_key=endpoints.key)
    (item,) = sdk.embeddings.create(model=MODEL, input=CAT).data
    assert item.embedding == pytest.approx(vectors(client, CAT)[0])


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": [1, 2, 3]}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({}, "input"),
        ({"input": CAT, "dimensions": 256}, "dimensions"),
        ({"input": CAT, "encoding_format": "int8"}, "encoding_format"),
        ({"input": ["short", "word " * 600]}, "input"),
    ],
)
def test_input_it_cannot_take_is_refused(client: httpx.Client, fields: dict[str, Any], param: str) -> None:
    response = embed(client, **fields)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_chat_model_does_not_embed(client: httpx.Client) -> None:
    assert embed(client, model="smollm2-135m-instruct", input=CAT).status_code == 404
