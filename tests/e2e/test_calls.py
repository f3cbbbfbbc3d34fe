"""Calls through a running house, as the official SDK and as bare bytes make them."""

from __future__ import annotations

import base64
import json

import pytest
from openai import BadRequestError, NotFoundError, omit

from tests.e2e import wire
from tests.e2e.house import House
from tests.e2e.upstream import KEY, FakeUpstream, answers, completion, delta, last_chunk, streams, usage


def test_sdk_gets_a_chat_completion(house: House, upstream: FakeUpstream) -> None:
    model = upstream.model(answers(completion("Hello.", usage(9, 3))))
    answer = house.client().chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi."}])
    assert answer.choices[0].message.content == "Hello."
    assert answer.usage is not None
    assert answer.usage.total_tokens == 12
    assert answer._request_id is not None
    row = house.row(answer._request_id)
    assert (row.outcome, row.status, row.input_tokens, row.output_tokens, row.estimated) == ("completed", 200, 9, 3, 0)
    assert (row.model_asked, row.model_answered, row.upstream) == (model, "fake-answered", "fake")


@pytest.mark.parametrize("wanted", [True, False])
def test_sdk_streams_and_gets_usage_only_if_it_asked(house: House, upstream: FakeUpstream, wanted: bool) -> None:
    model = upstream.model(streams([delta("Hel"), delta("lo."), delta("", "stop"), last_chunk(usage(7, 2))]))
    with house.client().chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Hi."}],
        stream=True,
        stream_options={"include_usage": True} if wanted else omit,
    ) as stream:
        chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello."
    assert [chunk.usage is not None for chunk in chunks] == [False] * 3 + [True] * wanted
    (row,) = house.rows_of_model(model)
    assert (row.input_tokens, row.output_tokens, row.estimated, row.streamed) == (7, 2, 0, 1)
    assert json.loads(upstream.request(model).body)["stream_options"] == {"include_usage": True}


def test_sdk_gets_completions_and_embeddings(house: House, upstream: FakeUpstream) -> None:
    text = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "usage": usage(2, 5)}
    choice = {"index": 0, "text": "there", "finish_reason": "stop", "logprobs": None}
    model = upstream.model(answers(json.dumps({**text, "choices": [choice]}).encode()))
    assert house.client().completions.create(model=model, prompt="Hi").choices[0].text == "there"
    assert house.rows_of_model(model)[0].operation == "completions"

    packed = base64.b64encode(b"\0\0\x80?" * 2).decode()
    data = [{"object": "embedding", "index": 0, "embedding": packed}]
    tokens = {"prompt_tokens": 4, "total_tokens": 4}
    model = upstream.model(
        answers(json.dumps({"object": "list", "data": data, "model": "m", "usage": tokens}).encode())
    )
    assert house.client().embeddings.create(model=model, input="Hi").data[0].embedding == [1.0, 1.0]
    (row,) = house.rows_of_model(model)
    assert (row.operation, row.input_tokens, row.output_tokens) == ("embeddings", 4, 0)


def test_sdk_lists_and_retrieves_models(house: House, upstream: FakeUpstream) -> None:
    upstream.listed = ["listed/with:odd name", "listed-2"]
    house.do("upstreams", "add", "listing", "--base-url", upstream.base_url)
    client = house.client()
    assert {"listed/with:odd name", "listed-2"} <= {model.id for model in client.models.list()}
    assert client.models.retrieve("listed-2").owned_by == "listing"
    with pytest.raises(NotFoundError, match="does not exist"):
        client.models.retrieve("nobody-has-it")
    house.do("upstreams", "remove", "listing")
    assert "listed-2" not in {model.id for model in client.models.list()}


BODIES = [
    b'{"model":"%s","messages":[{"role":"user","content":"Hi."}],"seed":123456789012345678901234567890}',
    b'\t{ "messages" : [ ] ,\r\n "model"\n:\t"%s" , "unknown":{"x":[1.0,1e400,-0,0.10]},"stream":false } \n',
    '{"model":"%s","messages":[{"role":"user","content":"žluťoučký 🦊 \\u0000 \\ud83e\\udd8a"}],"metadata":null}'.encode(),
    b'{"model":"%s","messages":[{"role":"user","content":"Hi."}],"seed":' + b"9" * 400 + b"}",
    b'{"user":"\\"model\\":\\"other\\"","model":"%s","messages":[],"n":1,"tools":[{"parameters":{"model":1,"n":2}}]}',
]


@pytest.mark.parametrize("body", BODIES, ids=["integer", "whitespace", "unicode", "no-number-type", "nested"])
def test_body_reaches_the_upstream_byte_for_byte(house: House, upstream: FakeUpstream, body: bytes) -> None:
    model = upstream.model(answers(completion()))
    body = body.replace(b"%s", model.encode())
    assert wire.post(house, body).status == 200
    assert upstream.request(model).body == body


def test_only_the_wish_for_usage_is_added_to_a_streams_body(house: House, upstream: FakeUpstream) -> None:
    model = upstream.model(streams([delta("Hi")]))
    body = b' {"model": "%s",  "stream" : true,"messages":[ ], "big":%b}' % (model.encode(), b"9" * 40)
    assert wire.post(house, body).status == 200
    added = b'"stream_options":{"include_usage":true},'
    assert upstream.request(model).body.replace(added, b"", 1) == body


def test_answer_reaches_the_client_byte_for_byte(house: House, upstream: FakeUpstream) -> None:
    body = (
        completion("ok", usage(1, 1))[:-1] + b',\n  "odd" : 123456789012345678901234567890 , "\xc5\xbe":"\\u017e"}\n\n'
    )
    model = upstream.model(answers(body))
    assert wire.post(house, wire.chat(model)).body == body


def test_stream_reaches_the_client_byte_for_byte(house: House, upstream: FakeUpstream) -> None:
    events = [
        delta("Hé 🦊"),
        b'{"choices": [ ] ,"big":123456789012345678901234567890}',
        delta("", "stop"),
        last_chunk(usage(1, 2)),
    ]
    model = upstream.model(streams(events))
    body = wire.post(house, wire.chat(model, stream=True, stream_options={"include_usage": True})).body
    assert body == b"".join(b"data: " + event + b"\n\n" for event in (*events, b"[DONE]"))


def test_only_allowed_headers_pass_and_ours_are_added(house: House, upstream: FakeUpstream) -> None:
    more = (
        b"set-cookie: session=1\r\nserver: secret-model-farm\r\nopenai-organization: theirs\r\nx-request-id: theirs\r\n"
        b"x-ratelimit-remaining-requests: 1\r\nopenai-version: 2020-10-01\r\n"
    )
    model = upstream.model(answers(completion(), more=more))
    answer = wire.post(house, wire.chat(model))
    assert set(answer.headers) == {
        "content-type", "content-length", "x-request-id", "openai-organization", "openai-project",
        "openai-processing-ms", "openai-version",
    }  # fmt: skip
    assert answer.headers["openai-organization"] == house.facts["organization_id"]
    assert answer.headers["openai-project"] == house.facts["project_id"]
    assert answer.request_id.startswith("req_")
    assert int(answer.headers["openai-processing-ms"]) >= 0


def test_callers_headers_stay_here(house: House, upstream: FakeUpstream) -> None:
    model = upstream.model(answers(completion()))
    given = {
        "cookie": "a=b", "x-forwarded-for": "10.0.0.1", "x-api-key": "other", "openai-beta": "x=1",
        "openai-organization": house.facts["organization_id"], "accept-encoding": "gzip", "x-client-request-id": "mine",
    }  # fmt: skip
    assert wire.post(house, wire.chat(model), headers=given).status == 200
    request = upstream.request(model)
    assert {name for name, _ in request.headers} <= {
        b"host", b"content-length", b"content-type", b"accept", b"accept-encoding", b"authorization", b"openai-beta",
        b"user-agent",
    }  # fmt: skip
    assert request.header(b"accept-encoding") == b"identity"
    assert request.header(b"authorization") == b"Bearer " + KEY.encode()


def test_callers_key_never_reaches_the_upstream(house: House, upstream: FakeUpstream) -> None:
    value = house.new_key("canary")["value"]
    for body in (wire.chat(upstream.model(answers(completion()))), wire.chat(upstream.model(streams([])), stream=True)):
        assert wire.post(house, body, key=value).status == 200
    assert upstream.received.count(KEY.encode()) >= 2
    for secret in (value, house.facts["api_key"], house.facts["admin_key"]):
        assert secret.encode() not in upstream.received
        assert secret[-38:].encode() not in upstream.received


def test_a_field_that_could_be_read_in_two_ways_is_refused(house: House, upstream: FakeUpstream) -> None:
    model = upstream.model(answers(completion()))
    body = b'{"model":"%b","messages":[],"model":"%b"}' % (model.encode(), model.encode())
    answer = wire.post(house, body)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "duplicate_field", "model")
    assert upstream.requests(model) == []


def test_sdk_raises_its_own_errors(house: House, upstream: FakeUpstream) -> None:
    client = house.client()
    with pytest.raises(NotFoundError) as unknown:
        client.chat.completions.create(model="nobody-has-it", messages=[{"role": "user", "content": "Hi."}])
    assert unknown.value.code == "model_not_found"
    refusal = (
        b'{"error":{"message":"bad temperature","type":"invalid_request_error","param":"temperature","code":null}}'
    )
    model = upstream.model(answers(refusal, 400))
    with pytest.raises(BadRequestError, match="bad temperature"):
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi."}], temperature=9)
    (row,) = house.rows_of_model(model)
    assert (row.outcome, row.status, row.input_tokens) == ("rejected", 400, 0)


def test_projects_own_upstream_answers_that_project_alone(house: House, upstream: FakeUpstream) -> None:
    project_id = house.admin("POST", "/projects", name="Dedicated")["id"]
    key = house.admin("POST", f"/projects/{project_id}/api_keys", name="inside")
    house.settings["test_key"] = "their-own-key-0123456789"
    options = ("--base-url", upstream.base_url, "--models", "fake-*", "--key-env", "KEYHOUSE_TEST_KEY")
    house.do("upstreams", "add", "dedicated", "--project", project_id, *options)
    try:
        model = upstream.model(answers(completion()))
        inside, outside = wire.post(house, wire.chat(model), key=key["value"]), wire.post(house, wire.chat(model))
        assert [house.row(answer.request_id).upstream for answer in (inside, outside)] == ["dedicated", "fake"]
        sent = [request.header(b"authorization") for request in upstream.requests(model)]
        assert sent == [b"Bearer their-own-key-0123456789", b"Bearer " + KEY.encode()]
    finally:
        house.do("upstreams", "remove", "dedicated")
        del house.settings["test_key"]
