"""The built-in models as a user meets them: the printed request pasted into a shell, the official SDK, and what becomes of their
process when the gateway is killed."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import BadRequestError

from tests.e2e import wire
from tests.e2e.house import House, is_alive, until
from tests.upstream.local.conftest import wheels_cache  # noqa: F401 - a fixture

CHAT, EMBEDDING = "smollm2-135m-instruct", "all-minilm-l6-v2"
HELLO = "Say hello."


@pytest.fixture(scope="module")
def local_house(wheels_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:  # noqa: F811
    """A new house with the built-in models, started as `keyhouse up` does it; its first facts are in its log."""
    data = tmp_path_factory.mktemp("local") / "house"
    data.mkdir()
    (data / "local-model").symlink_to((wheels_cache / "local-model").resolve())
    house = House(data, {}, local_model="on")
    house.start()
    said = house.log.read_text()
    facts = {name: said.split(f"    {title}  ")[1].split()[0] for name, title in _TITLES.items()}
    house.facts.update(facts)
    yield house
    house.close()


_TITLES = {"api_key": "API key", "admin_key": "admin key", "organization_id": "organization", "project_id": "project"}


def test_printed_request_works_when_it_is_pasted(local_house: House) -> None:
    said = local_house.log.read_text()
    pasted = said[said.index("export OPENAI_API_KEY=") :].split("\n\n")[0]
    done = subprocess.run(["sh", "-c", pasted], capture_output=True, text=True, timeout=120, check=True)
    answer = json.loads(done.stdout)
    assert answer["choices"][0]["message"]["content"].strip()
    (row,) = local_house.rows()
    assert (row.model_asked, row.upstream, row.outcome) == (CHAT, "local", "completed")
    assert (row.input_tokens, row.output_tokens) == (
        answer["usage"]["prompt_tokens"],
        answer["usage"]["completion_tokens"],
    )
    assert (row.estimated, row.pricing, row.cost_nanos) == (0, "priced", 0)


def test_sdk_chats_and_streams(local_house: House) -> None:
    client = local_house.client()
    assert [model.id for model in client.models.list()] == [EMBEDDING, CHAT]
    plain = client.chat.completions.create(
        model=CHAT, messages=[{"role": "user", "content": HELLO}], max_tokens=8, temperature=0
    )
    with client.chat.completions.create(
        model=CHAT,
        messages=[{"role": "user", "content": HELLO}],
        max_tokens=8,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == plain.choices[0].message.content
    assert chunks[-1].usage == plain.usage


def test_sdk_completes_and_embeds(local_house: House) -> None:
    client = local_house.client()
    completion = client.completions.create(model=CHAT, prompt="The capital of France is", max_tokens=4)
    assert completion.choices[0].text
    vectors = client.embeddings.create(model=EMBEDDING, input=["a cat", "a kitten", "a steam engine"]).data
    cat, kitten, engine = (vector.embedding for vector in vectors)
    assert _cosine(cat, kitten) > _cosine(cat, engine)


def test_model_refuses_what_it_cannot_do(local_house: House) -> None:
    with pytest.raises(BadRequestError, match="suffix"):
        local_house.client().completions.create(model=CHAT, prompt="a", suffix="b")


def test_stream_that_nobody_reads_any_more_ends(local_house: House) -> None:
    body = wire.chat(CHAT, "Tell me a very long story.", stream=True, max_tokens=2000)
    with wire.opened(local_house, body) as response:
        request_id = wire.request_id(response)
        response.read1()
    row = local_house.row(request_id, 20)
    assert (row.outcome, row.estimated) == ("aborted", 1)
    # The model is free again: it did not write the story to its end.
    began = time.monotonic()
    local_house.client().completions.create(model=CHAT, prompt="Hi", max_tokens=1)
    assert time.monotonic() - began < 20


def test_models_process_is_restarted_when_it_dies(local_house: House) -> None:
    (child,) = _children(local_house)
    os.kill(child, 9)
    # Calls that meet the death itself are 502: they may have reached the model, so they are not repeated.
    until(lambda: wire.post(local_house, wire.chat(CHAT, HELLO, max_tokens=2)).status == 200, 60)
    assert _children(local_house) != [child]


def test_models_process_dies_with_a_killed_gateway(local_house: House) -> None:
    """The last test of its house."""
    assert wire.post(local_house, wire.chat(CHAT, HELLO, max_tokens=2)).status == 200
    children = _children(local_house)
    assert children
    local_house.kill()
    until(lambda: not any(map(is_alive, children)), 10)
    local_house.start()
    assert wire.post(local_house, wire.chat(CHAT, HELLO, max_tokens=2)).status == 200
    children = _children(local_house)
    assert local_house.stop() == 0
    assert not any(map(is_alive, children))


def _children(house: House) -> list[int]:
    assert house.process is not None
    said = Path(f"/proc/{house.process.pid}/task/{house.process.pid}/children").read_text()
    return [int(pid) for pid in said.split()]


def _cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))
