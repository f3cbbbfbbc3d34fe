"""Hundreds of calls at random, some that break and some whose client leaves: the ledger adds up to what the upstream counted."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import httpx

from keyhouse.domain.usage import UsageRow
from tests.e2e import wire
from tests.e2e.conftest import NewHouse
from tests.e2e.house import House, until
from tests.e2e.upstream import (
    Behaviour,
    Exchange,
    FakeUpstream,
    completion,
    delta,
    last_chunk,
    reply,
    streams,
    streams_on,
    usage,
)

CALLS = 400
AT_ONCE = 24
KINDS = {"plain": 8, "stream": 8, "rejected": 2, "failed": 2, "dropped": 2, "aborted": 3}


@dataclass
class Counts:
    """The upstream's own: what it reported to those it served, and how often it served each kind."""

    input: int = 0
    output: int = 0
    calls: Counter[str] = field(default_factory=Counter)


async def test_ledger_adds_up_to_the_upstreams_own_count(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house()
    house.start()
    rng = random.Random(8585)  # noqa: S311
    counts = Counts()
    models = {kind: upstream.model(behaviour) for kind, behaviour in _behaviours(rng, counts).items()}
    places = asyncio.Semaphore(AT_ONCE)
    kinds = rng.choices(list(KINDS), list(KINDS.values()), k=CALLS)
    async with httpx.AsyncClient(
        base_url=house.url, trust_env=False, verify=False, timeout=60, limits=httpx.Limits()
    ) as client:
        await asyncio.gather(*(_call(house, client, kind, models[kind], places) for kind in kinds))

    rows = until(lambda: len(found := house.rows()) == CALLS and found, 30)
    assert len({row.request_id for row in rows}) == CALLS
    kind_of = {model: kind for kind, model in models.items()}
    assert Counter(kind_of[row.model_asked] for row in rows) == Counter(kinds) == counts.calls
    assert {(kind_of[row.model_asked], row.outcome) for row in rows} == {
        ("plain", "completed"), ("stream", "completed"), ("rejected", "rejected"), ("failed", "upstream_failed"),
        ("dropped", "upstream_failed"), ("aborted", "aborted"),
    }  # fmt: skip
    reported = [row for row in rows if not row.estimated]
    assert sum(row.input_tokens for row in reported) == counts.input
    assert sum(row.output_tokens for row in reported) == counts.output
    assert {kind_of[row.model_asked] for row in rows if row.estimated} == {"aborted"}
    _is_reported_everywhere(house, rows)


def _is_reported_everywhere(house: House, rows: list[UsageRow]) -> None:
    """The reports, over HTTP, say what the rows say."""
    sums = {name: sum(getattr(row, name) for row in rows) for name in ("input_tokens", "output_tokens")}
    wanted = (CALLS, sums["input_tokens"], sums["output_tokens"])

    began = rows[0].admitted_at_us // 1_000_000

    def reported() -> bool:
        page = house.client().admin.organization.usage.completions(start_time=began, bucket_width="1d", limit=2)
        results = [result for bucket in page.data for result in bucket.results]
        return wanted == tuple(
            sum(getattr(r, name) for r in results) for name in ("num_model_requests", "input_tokens", "output_tokens")
        )

    until(reported, 10)


async def _call(house: House, client: httpx.AsyncClient, kind: str, model: str, places: asyncio.Semaphore) -> None:
    body = wire.chat(model, stream=kind in {"stream", "dropped", "aborted"})
    headers = {"Authorization": f"Bearer {house.facts['api_key']}"}
    async with places, client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
        if kind == "aborted":
            async for _ in answer.aiter_raw():
                return
        content = await answer.aread()
    assert answer.status_code == {"rejected": 429, "failed": 500}.get(kind, 200), content
    if kind == "stream":
        assert content.endswith(b"data: [DONE]\n\n")
    elif kind == "dropped":
        wire.error_of_stream(content)


def _behaviours(rng: random.Random, counts: Counts) -> dict[str, Behaviour]:
    def tokens() -> dict[str, object]:
        given, made = rng.randrange(1, 10_000), rng.randrange(1, 2_000)
        counts.input += given
        counts.output += made
        return usage(given, made)

    async def plain(exchange: Exchange) -> None:
        counts.calls["plain"] += 1
        await exchange.say(reply(completion("ok", tokens())))

    async def stream(exchange: Exchange) -> None:
        counts.calls["stream"] += 1
        words = [delta("word ") for _ in range(rng.randrange(1, 12))]
        await streams([*words, last_chunk(tokens())], pause=rng.choice([0, 0.002]))(exchange)

    async def rejected(exchange: Exchange) -> None:
        counts.calls["rejected"] += 1
        await exchange.say(reply(b'{"error":{"message":"slow down"}}', 429))

    async def failed(exchange: Exchange) -> None:
        counts.calls["failed"] += 1
        await exchange.say(reply(b"<html>", 500, b"text/html"))

    async def dropped(exchange: Exchange) -> None:
        # It reports usage and breaks off: what it reported was used.
        counts.calls["dropped"] += 1
        await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        await exchange.chunk(b"data: " + delta("word ") + b"\n\ndata: " + last_chunk(tokens()) + b"\n\n")
        exchange.close()

    async def aborted(exchange: Exchange) -> None:
        counts.calls["aborted"] += 1
        await streams_on([delta("Once ")], pause=0.01)(exchange)

    return {f.__name__: f for f in (plain, stream, rejected, failed, dropped, aborted)}
