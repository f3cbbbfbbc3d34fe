"""The smoke of everything on PostgreSQL, and PostgreSQL that goes away under a running house and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import wire
from tests.e2e.house import House, initialised, until
from tests.e2e.upstream import KEY, FakeUpstream, answers, completion, delta, last_chunk, streams, streams_on, usage
from tests.fixtures.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of this module's own: it is stopped and started."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def pg_house(
    server: PostgresServer, upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    database = server.create()
    house = initialised(tmp_path_factory.mktemp("postgres") / "house", database_url=server.url(database))
    house.remembers_in(lambda query: server.execute(query, database))
    house.do(
        "upstreams", "add", "fake", "--base-url", upstream.base_url, "--models", "fake-*", "--key-stdin", given=KEY
    )
    house.start()
    yield house
    house.close()


def test_house_on_postgres_keeps_its_facts_there(pg_house: House) -> None:
    assert not (pg_house.data / "keyhouse.db").exists()
    assert not (pg_house.data / "ledger.db").exists()
    again = pg_house.run("init", "--json")
    assert (again.returncode, again.stdout) == (1, "")


def test_calls_streams_prices_and_reports(pg_house: House, upstream: FakeUpstream) -> None:
    plain = upstream.model(answers(completion("Hello.", usage(1000, 100))))
    stream = upstream.model(streams([delta("Hi"), last_chunk(usage(1000, 100))]))
    key = pg_house.new_key()
    client = pg_house.client(key["value"])
    pg_house.do("prices", "set", plain, "--input", "1", "--output", "10")
    answer = client.chat.completions.create(model=plain, messages=[{"role": "user", "content": "Hi."}])
    assert answer._request_id is not None
    assert pg_house.row(answer._request_id).cost_nanos == 2_000_000
    with client.chat.completions.create(model=stream, messages=[], stream=True) as chunks:
        assert [chunk.choices[0].delta.content for chunk in chunks] == ["Hi"]

    def requests() -> int:
        page = client.admin.organization.usage.completions(
            start_time=key["created_at"], bucket_width="1d", api_key_ids=[key["id"]]
        )
        results: list[Any] = [result for bucket in page.data for result in bucket.results]
        return sum(result.num_model_requests for result in results)

    until(lambda: requests() == 2, 10)
    assert "2,000" in pg_house.do("usage", "--since", "1h", "--key", key["id"]) or "2000" in pg_house.do(
        "usage", "--since", "1h", "--key", key["id"]
    )


def test_two_organizations_share_neither_money_nor_limits(pg_house: House, upstream: FakeUpstream) -> None:
    made = pg_house.do_json("organizations", "create", "Acme")
    acme = House(pg_house.data, made, **pg_house.settings, organization="Acme")
    acme.url = pg_house.url
    model = upstream.model(answers(completion("Hi", usage(4, 6))))
    pg_house.do("prices", "set", model, "--input", "1", "--output", "1")
    acme.do("limits", "set", model, "--all-projects", "--requests-per-minute", "1")
    assert [wire.post(acme, wire.chat(model)).status for _ in range(2)] == [200, 429]
    assert [wire.post(pg_house, wire.chat(model)).status for _ in range(2)] == [200, 200]
    acme.do("budgets", "set", "all", "--amount", "0", "--per", "month")
    acme.do("limits", "set", model, "--all-projects", "--requests-per-minute", "100")
    refused = wire.post(acme, wire.chat(model, max_completion_tokens=1))
    assert (refused.status, refused.error["code"]) == (429, "insufficient_quota")
    assert wire.post(pg_house, wire.chat(model)).status == 200
    rows = pg_house.rows(f"model_asked = '{model}'")
    assert [row.organization_id for row in rows].count(made["organization_id"]) == 1
    assert len(rows) == 4
    assert acme.do_json("audit", "verify")["ok"] is True


@pytest.mark.parametrize("by", ["api", "cli"])
def test_revoked_key_is_refused_at_once_and_its_stream_ends(pg_house: House, upstream: FakeUpstream, by: str) -> None:
    key = pg_house.new_key()
    model = upstream.model(streams_on([delta("Once ")]))
    with wire.opened(pg_house, wire.chat(model, stream=True), key=key["value"]) as response:
        response.read1()
        if by == "api":
            pg_house.key_verb(key["id"], "revoke")
        else:
            pg_house.do("keys", "revoke", key["id"])
        assert wire.post(pg_house, wire.chat(model), key=key["value"]).status == 401
        assert wire.error_of_stream(response.read())["code"] == "invalid_api_key"
    assert pg_house.rows_of_model(model, 10)[0].outcome == "revoked"


def test_crash_leaves_interrupted_rows(pg_house: House, upstream: FakeUpstream) -> None:
    model = upstream.model(streams_on([delta("Once ")], pause=0.01))
    with wire.opened(pg_house, wire.chat(model, stream=True)) as response:
        response.read1()
        pg_house.kill()
    pg_house.start()
    (row,) = pg_house.rows_of_model(model)
    assert (row.outcome, row.estimated, row.output_tokens > 0) == ("interrupted", 1, True)


def test_backup_of_a_house_on_postgres_is_an_embedded_house(
    pg_house: House, upstream: FakeUpstream, tmp_path: Path
) -> None:
    model = upstream.model(answers(completion("Hello.", usage(1, 1))))
    assert wire.post(pg_house, wire.chat(model)).status == 200
    passphrase = "correct horse battery staple\n"
    pg_house.do("backup", str(tmp_path / "copy"), "--passphrase-stdin", given=passphrase)
    restored = House(tmp_path / "restored", pg_house.facts)
    restored.do("restore", str(tmp_path / "copy"), "--passphrase-stdin", given=passphrase)
    restored.start()
    try:
        assert len(restored.rows_of_model(model)) == 1
        assert wire.post(restored, wire.chat(model)).status == 200
    finally:
        restored.close()


def test_postgres_that_goes_away_refuses_calls_and_is_well_again_when_it_returns(
    pg_house: House, server: PostgresServer, upstream: FakeUpstream
) -> None:
    plain = upstream.model(answers(completion("Hi", usage(10, 5))))
    words = [delta("word ") for _ in range(40)]
    stream = upstream.model(streams([*words, last_chunk(usage(10, 40))], pause=0.1))
    fresh = pg_house.new_key()
    with wire.opened(pg_house, wire.chat(stream, stream=True)) as running:
        first = running.read1()
        server.stop()
        try:
            cut = wire.post(pg_house, wire.chat(plain))
            assert (cut.status, cut.error["code"]) == (503, "ledger_unavailable")
            assert wire.error_of_stream(first + running.read())["code"] == "ledger_unavailable"
            unknown = wire.post(pg_house, wire.chat(plain), key=fresh["value"])
            assert (unknown.status, unknown.error["code"]) in {(503, "store_unavailable"), (503, "ledger_unavailable")}
            assert pg_house.is_healthy()
        finally:
            server.start()
    until(lambda: wire.post(pg_house, wire.chat(plain)).status == 200, 30)
    assert until(lambda: len(pg_house.rows_of_model(stream)) == 1, 20)
    assert len(pg_house.rows_of_model(plain)) == len(upstream.requests(plain))
    assert wire.post(pg_house, wire.chat(plain), key=fresh["value"]).status == 200
    pg_house.key_verb(fresh["id"], "revoke")
    assert wire.post(pg_house, wire.chat(plain), key=fresh["value"]).status == 401


def test_directory_without_the_houses_secrets_is_refused_and_destroys_nothing(pg_house: House, tmp_path: Path) -> None:
    (tmp_path / "other" / "secrets").mkdir(parents=True)
    other = House(tmp_path / "other", {}, **pg_house.settings)
    for command in (["keys", "list"], ["up", "--port", "0"]):
        refused = other.run(*command)
        assert (refused.returncode, "is missing" in refused.stderr) == (1, True)
    assert list((other.data / "secrets").iterdir()) == []
    assert pg_house.do_json("keys", "list")
