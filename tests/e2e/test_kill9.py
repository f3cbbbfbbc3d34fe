"""A house under load, killed with SIGKILL again and again: what a client was told is in the ledger once, what was cut is charged.

Every cycle is a life of the whole server: a start, calls from clients that keep plain calls and streams open, a kill at random.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from keyhouse.domain.budgets import FOREVER
from keyhouse.store.contract import Store
from keyhouse.store.opening import open_store
from tests.e2e import wire
from tests.e2e.conftest import NewHouse
from tests.e2e.house import House, initialised
from tests.e2e.upstream import Exchange, FakeUpstream, completion, delta, last_chunk, reply, streams, usage
from tests.e2e.warm import WarmHouse
from tests.fixtures.postgres import PostgresServer

CYCLES = 50
CYCLES_ON_POSTGRES = 4
CYCLES_LONG = 1000
CYCLES_LONG_ON_POSTGRES = 50
ACKNOWLEDGED_LONG = 100_000
DOCTOR_EVERY = 10
CLIENTS = 12


@dataclass
class Told:
    """What clients know: calls by the number that each sent as its own id."""

    begun: int = 0
    answered: set[str] = field(default_factory=set)


def test_kill_9_loses_no_acknowledged_call_and_counts_none_twice(
    new_house: NewHouse, upstream: FakeUpstream, long_form: bool
) -> None:
    """Fifty lives, each with calls that are answered and calls that are cut, in a mixture that differs from run to run. The
    long form is a thousand lives and a hundred thousand answered calls."""
    house = new_house(WarmHouse, log_level="error")
    _is_proven(house, upstream, CYCLES_LONG if long_form else CYCLES, ACKNOWLEDGED_LONG if long_form else 0)


def test_kill_9_is_the_same_on_postgres(
    postgres: PostgresServer, upstream: FakeUpstream, tmp_path: Path, long_form: bool
) -> None:
    """Four lives; fifty in the long form."""
    database = postgres.create()
    settings = {"log_level": "error", "database_url": postgres.url(database)}
    made = initialised(tmp_path / "house", **settings)
    made.do("upstreams", "add", "fake", "--base-url", upstream.base_url, "--models", "fake-*")
    house = WarmHouse(made.data, made.facts, **settings)
    house.remembers_in(lambda query: postgres.execute(query, database))
    try:
        _is_proven(house, upstream, CYCLES_LONG_ON_POSTGRES if long_form else CYCLES_ON_POSTGRES)
    finally:
        house.close()


def _is_proven(house: House, upstream: FakeUpstream, cycles: int, acknowledged: int = 0) -> None:
    told = Told()
    models = [upstream.model(_plain), upstream.model(_stream, "fake-{}-stream")]
    probe = upstream.model(_plain, "fake-{}-probe")
    budgets = _limits_and_budgets(house, [*models, probe])
    for cycle in count():
        if cycle >= cycles and len(told.answered) > acknowledged:
            break
        if cycle % DOCTOR_EVERY == DOCTOR_EVERY - 1:
            _is_well(house)
        if cycle % 5 == 4:
            _one_start(house)
        _one_life(house, told, models, 0.8 if acknowledged else 0.4)
    house.start()
    rows = house.rows()
    _nothing_is_reserved(house, probe, sum(row.cost_nanos or 0 for row in rows))
    house.stop()
    _balances_are_their_rows(house, budgets)

    # Every call that reached the upstream has one row, and so has every one that a client saw answered.
    reached = Counter(_number(r.body) for model in models for r in upstream.requests(model))
    rows_of = Counter(row.client_request_id for row in rows)
    assert len({row.request_id for row in rows}) == len(rows)
    assert max(rows_of.values()) == 1, "counted twice"
    assert told.answered <= rows_of.keys(), "acknowledged calls lost"
    assert reached.keys() <= rows_of.keys(), "calls that were begun left no row"
    outcomes = {row.client_request_id: row.outcome for row in rows}
    assert {outcomes[number] for number in told.answered} == {"completed"}

    cut = [row for row in rows if row.outcome == "interrupted"]
    assert all(row.estimated and row.input_tokens > 0 and row.status == 0 for row in cut)
    assert any(row.streamed and row.output_tokens > 0 for row in cut)
    # The proof must have had something to prove.
    assert len(told.answered) > max(5 * cycles, acknowledged)
    assert len(cut) > cycles
    print(f"{told.begun} begun, {len(told.answered)} answered, {len(cut)} interrupted")


def _limits_and_budgets(house: House, models: list[str]) -> list[str]:
    """At each level, on every call of every life, with room for all; the ids of the budgets."""
    (key,) = house.do_json("keys", "list")
    plenty = (
        "--requests-per-minute",
        "1000000000",
        "--tokens-per-minute",
        "2000000000",
        "--requests-per-day",
        "1000000000",
    )
    for model in models:
        house.do("prices", "set", model, "--input", "3", "--output", "5")
        house.do("limits", "set", model, *plenty)
        house.do("limits", "set", model, "--all-projects", *plenty)
    house.do("keys", "update", key["id"], "--rate-limit", "requests-per-minute=1000000000")
    budget = ("budgets", "set", "all", "--amount", "1000000", "--per", "total")
    scopes = ((), ("--project", house.facts["project_id"]), ("--key", key["id"]))
    return [house.do_json(*budget, *scope)["id"] for scope in scopes]


def _nothing_is_reserved(house: House, model: str, spent_nanos: int) -> None:
    """What the killed lives had reserved is free: the last nano-dollar of a budget can be promised, and none beyond it."""
    bound = (len(json.dumps(wire.chat(model, max_tokens=10), separators=(",", ":"))) * 3 + 10 * 5) * 1000
    for room, status in ((bound, 200), (0, 429)):
        spent = sum(row.cost_nanos or 0 for row in house.rows())
        amount = f"{(spent + room) // 10**9}.{(spent + room) % 10**9:09d}"
        house.do("budgets", "set", "all", "--amount", amount, "--project", house.facts["project_id"])
        answer = httpx.post(
            f"{house.url}/v1/chat/completions",
            content=json.dumps(wire.chat(model, max_tokens=10), separators=(",", ":")),
            headers={"Authorization": f"Bearer {house.facts['api_key']}"},
            trust_env=False,
            verify=False,
        )
        assert answer.status_code == status, answer.text
    assert spent > spent_nanos


def _balances_are_their_rows(house: House, budgets: list[str]) -> None:
    with _store_of(house) as store:
        cost = sum(found.row.cost_nanos or 0 for found in store.ledger.since(0, 10_000_000))
        kept = {balance.budget_id: (balance.period_end, balance.spent_nanos) for balance in store.ledger.balances()}
        assert kept == dict.fromkeys(budgets, (FOREVER, cost))
    assert cost > 0
    _is_well(house)


def _is_well(house: House) -> None:
    checks = json.loads(house.run("doctor", "--json").stdout)["checks"]
    # A gateway that was killed has left calls for the next one to charge.
    assert [check for check in checks if check["problems"] and check["name"] != "calls left over"] == []


def _store_of(house: House) -> closing[Store]:
    return closing(open_store(house.data, house.settings.get("database_url")))


def _one_start(house: House) -> None:
    """A life that ends before it has begun to serve: in its recovery, mostly."""
    house.launch()
    time.sleep(random.uniform(0, 0.3))  # noqa: S311
    house.kill()


def _one_life(house: House, told: Told, models: list[str], longest: float) -> None:
    house.start()
    assert house.process is not None
    kill = threading.Timer(random.uniform(0.05, longest), house.process.kill)  # noqa: S311
    kill.start()
    asyncio.run(_clients(house, told, models))
    kill.join()
    house.kill()


async def _clients(house: House, told: Told, models: list[str]) -> None:
    headers = {"Authorization": f"Bearer {house.facts['api_key']}"}
    # Plain HTTP: without `verify`, each client would load the system's certificates for nothing.
    options: dict[str, Any] = {"trust_env": False, "verify": False, "timeout": 30}
    async with httpx.AsyncClient(base_url=house.url, headers=headers, **options) as client:
        await asyncio.gather(*(_calls(client, told, models[n % 2]) for n in range(CLIENTS)))


async def _calls(client: httpx.AsyncClient, told: Told, model: str) -> None:
    """Call after call, until the server is no more."""
    with suppress(httpx.TransportError):
        while True:
            told.begun += 1
            number = f"call-{told.begun}"
            body = wire.chat(model, number, user=number, stream=model.endswith("stream"))
            if not body["stream"] or told.begun % 2:
                body["max_tokens"] = 10
            async with client.stream(
                "POST", "/v1/chat/completions", json=body, headers={"x-client-request-id": number}
            ) as answer:
                content = await answer.aread()
            assert answer.status_code == 200, content
            if not body["stream"] or content.endswith(b"data: [DONE]\n\n"):
                told.answered.add(number)


async def _plain(exchange: Exchange) -> None:
    await asyncio.sleep(random.uniform(0, 0.01))  # noqa: S311
    await exchange.say(reply(completion("ok", usage(10, 5))))


async def _stream(exchange: Exchange) -> None:
    words = [delta("word ")] * random.randrange(1, 8)  # noqa: S311
    await streams([*words, last_chunk(usage(10, len(words)))], pause=0.003)(exchange)


def _number(body: bytes) -> str:
    return str(json.loads(body)["user"])
