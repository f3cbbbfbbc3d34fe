"""What the built-in chat model answers, by real generation."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from openai import OpenAI

from keyhouse.upstream.local import MODELS, LocalEndpoints

CHAT = "smollm2-135m-instruct"
HELLO = [{"role": "user", "content": "Say hello."}]


def chat(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/chat/completions", json={"model": CHAT, "messages": HELLO, "max_tokens": 4, **fields})


def complete(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/completions", json={"model": CHAT, "prompt": "Once upon a", "max_tokens": 3, **fields})


def events(response: httpx.Response) -> list[dict[str, Any]]:
    """The events of a stream, which must end with `[DONE]`."""
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def refusal(response: httpx.Response, status: int = 400) -> dict[str, Any]:
    assert response.status_code == status, response.text
    error: dict[str, Any] = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return error


def test_chat_answers_with_text_usage_and_the_model_asked_for(client: httpx.Client) -> None:
    answer = chat(client).json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == CHAT
    assert answer["choices"][0]["message"]["content"]
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 4
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + 4


def test_stream_says_what_the_plain_call_says(client: httpx.Client) -> None:
    sampling = {"temperature": 0, "seed": 1, "max_tokens": 12}
    whole = chat(client, **sampling).json()["choices"][0]["message"]["content"]
    response = chat(client, stream=True, **sampling)
    assert response.headers["content-type"] == "text/event-stream"
    deltas = [event["choices"][0]["delta"].get("content") or "" for event in events(response)]
    assert "".join(deltas) == whole
    assert sum(map(bool, deltas)) > 1


@pytest.mark.parametrize("ask", [chat, complete])
def test_stream_gives_usage_in_an_event_of_its_own_when_asked(client: httpx.Client, ask: Any) -> None:
    *chunks, last = events(ask(client, stream=True, stream_options={"include_usage": True}))
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == (4 if ask is chat else 3)
    assert not any(chunk.get("usage") for chunk in chunks)


@pytest.mark.parametrize("ask", [chat, complete])
def test_stream_gives_no_usage_when_not_asked(client: httpx.Client, ask: Any) -> None:
    assert not any("usage" in chunk for chunk in events(ask(client, stream=True)))


def test_completion_has_openais_default_length(client: httpx.Client) -> None:
    answer = complete(client, max_tokens=None, temperature=0).json()
    assert answer["object"] == "text_completion"
    assert answer["usage"]["completion_tokens"] <= 16


def test_max_tokens_cannot_be_outranked_by_a_field_of_the_engine(client: httpx.Client) -> None:
    assert chat(client, max_tokens=2, n_predict=20, n_cmpl=3).json()["usage"]["completion_tokens"] == 2


def test_max_completion_tokens_bounds_the_answer(client: httpx.Client) -> None:
    assert chat(client, max_tokens=None, max_completion_tokens=3).json()["usage"]["completion_tokens"] == 3


def test_json_schema_shapes_the_answer(client: httpx.Client) -> None:
    schema = {
        "type": "object",
        "properties": {"sky": {"enum": ["blue"]}},
        "required": ["sky"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "sky", "schema": schema}}
    answer = chat(client, max_tokens=60, response_format=wanted).json()
    assert json.loads(answer["choices"][0]["message"]["content"]) == {"sky": "blue"}


def test_openai_sdk_works_unmodified(endpoints: LocalEndpoints) -> None:
    sdk = OpenAI(base_url=endpoints.base_url, api_key=endpoints.key)
    stream = sdk.chat.completions.create(
        model=CHAT, messages=[{"role": "user", "content": "Hi"}], max_tokens=4, stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert [model.id for model in sdk.models.list()] == [model.id for model in MODELS]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"suffix": "the end"}, "suffix"),
        ({"n": 2}, "n"),
        ({"best_of": 3}, "best_of"),
        ({"echo": True}, "echo"),
        ({"logprobs": 1}, "logprobs"),
        ({"prompt": ["one", "two"]}, "prompt"),
        ({"prompt": [1, 2, 3]}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_completion_it_cannot_give_is_refused(client: httpx.Client, fields: dict[str, Any], param: str) -> None:
    assert refusal(complete(client, **fields))["param"] == param


def test_refusal_of_suffix_says_why(client: httpx.Client) -> None:
    assert "no fill-in-the-middle" in refusal(complete(client, suffix="x"))["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"temperature": "hot"}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ],
)
def test_chat_it_cannot_give_is_refused(client: httpx.Client, fields: dict[str, Any], param: str) -> None:
    assert param.startswith(str(refusal(chat(client, **fields))["param"]))


def test_values_that_ask_for_nothing_are_taken(client: httpx.Client) -> None:
    assert complete(client, n=1, best_of=1, suffix=None, echo=False, logit_bias={}, user="alice").status_code == 200


@pytest.mark.parametrize("ask", [lambda c: chat(c, messages=[{"role": "user", "content": "word " * 5000}]),
                                 lambda c: complete(c, prompt="word " * 5000)])  # fmt: skip
def test_prompt_over_the_context_window_is_400(client: httpx.Client, ask: Any) -> None:
    error = refusal(ask(client))
    assert error["code"] == "context_length_exceeded"
    assert str(MODELS[0].context_window) in error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"model": "\xff"}'])
def test_body_that_is_no_json_object_is_400(client: httpx.Client, body: bytes) -> None:
    refusal(client.post("/chat/completions", content=body))


def test_wrong_key_is_401(client: httpx.Client) -> None:
    for value in ("", "Bearer wrong", client.headers["authorization"][:-1]):
        assert refusal(client.get("/models", headers={"Authorization": value}), 401)["code"] == "invalid_api_key"


def test_unknown_model_and_route_are_404(client: httpx.Client) -> None:
    assert refusal(chat(client, model="gpt-5"), 404)["code"] == "model_not_found"
    refusal(client.get("/files"), 404)


@pytest.mark.parametrize("stream", [False, True])
def test_client_that_leaves_stops_the_generation(client: httpx.Client, endpoints: LocalEndpoints, stream: bool) -> None:
    """Both slots are left while they generate thousands of tokens; a third call would wait a minute for them."""

    body = {"model": CHAT, "prompt": "1 2 3 4 5 6", "max_tokens": 3500, "stream": stream, "temperature": 0}

    def leave(_: int) -> None:
        with httpx.Client(
            base_url=endpoints.base_url, headers=client.headers, trust_env=False, verify=False
        ) as leaving:
            if stream:
                with leaving.stream("POST", "/completions", json=body) as response:
                    next(response.iter_bytes())
            else:
                with pytest.raises(httpx.ReadTimeout):
                    leaving.post("/completions", json=body, timeout=0.5)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(leave, range(2)))
    since = time.monotonic()
    assert chat(client, max_tokens=1).status_code == 200
    assert time.monotonic() - since < 10
