"""A call with an `Idempotency-Key` from its claim to its replay, on a real store: what is sent twice, refused, forgotten."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.idempotency import WINDOW_SECONDS, key_digest
from keyhouse.edge.exchange import Exchange, Header
from keyhouse.edge.idempotency import Recording, asked, replay
from keyhouse.policy import idempotency as policy
from keyhouse.policy.idempotency import Idempotency, Replay
from keyhouse.policy.keyring import Credential, credential_of
from keyhouse.policy.peppers import Peppers
from keyhouse.store.contract import Transaction
from keyhouse.store.sqlite import SqliteStore, open_sqlite
from keyhouse.store.vault import Vault
from tests.policy.credentials import made
from tests.store.makers import furnish

NOW = 1_800_000_000
CHAT = "chat.completions"
BODY = b'{"model":"gpt-4o","messages":[{"role":"user","content":"What does Bob earn?"}]}'
SAID = b'{"choices":[{"message":{"content":"Bob earns 4,711 a month \xe2\x82\xac"}}]}'
JSON = (b"content-type", b"application/json")
EVENTS = (b"content-type", b"text/event-stream")


class Wire:
    """A client's end of the connection."""

    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data

    async def drain(self) -> None: ...
    def is_blocked(self) -> bool:
        return False

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def shown(self) -> None: ...
    def ended(self, exchange: Exchange, *, cut: bool) -> None: ...


class Unsteady(SqliteStore):
    """A store that can be away, and can lose its voice after a commit."""

    away = lost = False

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        if self.away:
            raise KeyhouseError(ErrorCode.STORE_UNAVAILABLE, "The disk is full.")
        with super().write() as transaction:
            yield transaction
        if self.lost:
            raise KeyhouseError(ErrorCode.STORE_UNAVAILABLE, "The connection broke.")


class House:
    """A gateway's idempotency over such a store; `again` is the next gateway over the same."""

    def __init__(self, folder: Path) -> None:
        open_sqlite(folder).close()
        self.store = Unsteady(folder)
        self.vault = Vault("mk_1", {"mk_1": os.urandom(32)})
        self.threads = ThreadPoolExecutor(4)
        self.credential = credential_of(made(Peppers("pep_1", {"pep_1": os.urandom(32)}))[1])
        furnish(self.store)
        self.gateway = self.again()

    def again(self, max_bytes: int = 1 << 20) -> Idempotency:
        return Idempotency(self.store, self.vault, self.threads, max_bytes=max_bytes)

    async def ask(
        self,
        request_id: str = "req_1",
        key: bytes | None = b"order-4711",
        *,
        body: bytes = BODY,
        operation: str = CHAT,
        credential: Credential | None = None,
        at: int = NOW,
    ) -> Recording | Replay | None:
        headers = [] if key is None else [(b"idempotency-key", key)]
        exchange = Exchange(Wire(), b"POST", b"/v1/chat/completions", headers, "127.0.0.1")
        exchange.feed(body)
        exchange.feed_end()
        return await asked(
            self.gateway,
            exchange,
            credential or self.credential,
            operation=operation,
            request_id=request_id,
            now=at,
        )

    async def run(self, request_id: str = "req_1", key: bytes = b"order-4711", **how: bytes) -> Recording:
        claimed = await self.ask(request_id, key, **how)  # type: ignore[arg-type] # `body` alone
        assert isinstance(claimed, Recording)
        return claimed

    async def repeat(self, request_id: str = "req_2", key: bytes = b"order-4711") -> Replay:
        first = await self.ask(request_id, key)
        assert isinstance(first, Replay)
        return first

    async def refused(self, request_id: str = "req_2", key: bytes = b"order-4711", **how: bytes) -> KeyhouseError:
        with pytest.raises(KeyhouseError) as caught:
            await self.ask(request_id, key, **how)  # type: ignore[arg-type] # `body` alone
        return caught.value


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    yield house
    house.threads.shutdown()
    house.store.close()


async def test_a_call_without_the_header_costs_nothing(house: House) -> None:
    house.store.away = True
    assert await house.ask(key=None) is None


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"caf\xc3\xa9", b"a\tb", b"a\x7f"])
async def test_a_bad_header_is_400(house: House, key: bytes) -> None:
    error = await house.refused(key=key)
    assert (error.code, error.param) == (ErrorCode.INVALID_VALUE, "idempotency-key")
    assert "1 to 255 printable ASCII" in error.message


async def test_the_longest_header_is_taken(house: House) -> None:
    await house.run(key=b"~ " * 127 + b"!")


async def test_a_plain_answer_is_sent_again_byte_for_byte_and_marked(house: House) -> None:
    first = await house.run()
    own = [(b"x-request-id", b"req_1"), (b"openai-processing-ms", b"7"), (b"x-ratelimit-limit-requests", b"5")]
    first.whole(200, [*own, JSON, (b"openai-version", b"2020-10-01")], SAID)
    await first.end(keep=True)
    head, _, body = (await sent_again(house)).partition(b"\r\n\r\n")
    assert body == SAID
    status, *headers = head.split(b"\r\n")
    assert status == b"HTTP/1.1 200 OK"
    assert headers == [
        b"x-request-id: req_2", b"idempotent-replayed: true", b"x-original-request-id: req_1",
        b"content-type: application/json", b"openai-version: 2020-10-01", b"content-length: %d" % len(SAID),
    ]  # fmt: skip


async def test_a_stream_is_sent_again_as_a_stream_of_the_same_bytes(house: House) -> None:
    events = [b'data: {"n":%d}\n\n' % n for n in range(3)]
    first = await house.run()
    first.begin(200, [EVENTS])
    for event in [*events, b"data: [DONE]\n\n"]:
        first.add(event)
    await first.end(keep=True)
    head, _, body = (await sent_again(house)).partition(b"\r\n\r\n")
    whole = b"".join(events) + b"data: [DONE]\n\n"
    assert b"transfer-encoding: chunked" in head
    assert b"idempotent-replayed: true" in head
    assert body == b"%x\r\n%b\r\n0\r\n\r\n" % (len(whole), whole)


async def test_of_calls_at_once_one_runs_and_the_others_are_told_to_wait(house: House) -> None:
    found = await asyncio.gather(*(house.ask(f"req_{n}") for n in range(20)), return_exceptions=True)
    assert sum(isinstance(one, Recording) for one in found) == 1
    refused = [one for one in found if isinstance(one, KeyhouseError)]
    assert {error.code for error in refused} == {ErrorCode.IDEMPOTENCY_RUNNING}
    assert len(refused) == 19
    assert dict(refused[0].headers) == {"retry-after": "1", "x-should-retry": "true"}


@pytest.mark.parametrize("ended", [False, True])
async def test_another_body_or_operation_is_409_whether_or_not_the_first_has_ended(house: House, ended: bool) -> None:
    first = await house.run()
    if ended:
        first.whole(200, [JSON], SAID)
        await first.end(keep=True)
    others = [await house.refused(body=BODY + b" "), await house.refused(body=b"")]
    with pytest.raises(KeyhouseError) as caught:
        await house.ask("req_2", operation="completions")
    for error in (*others, caught.value):
        assert error.code is ErrorCode.IDEMPOTENCY_CONFLICT
        assert dict(error.headers) == {"x-should-retry": "false"}


async def test_another_key_has_its_own_claims(house: House) -> None:
    await house.run()
    robo = replace(house.credential, key_id="key_robo")
    assert isinstance(await house.ask("req_2", credential=robo), Recording)


async def test_a_rotated_secret_of_the_same_key_is_answered_from_the_first(house: House) -> None:
    first = await house.run()
    first.whole(200, [JSON], SAID)
    await first.end(keep=True)
    rotated = replace(house.credential, public_id="anotherPubId", digest=b"\x01" * 32)
    found = await house.ask("req_2", credential=rotated)
    assert isinstance(found, Replay)
    assert found.answer.body == SAID


async def test_a_call_that_did_not_complete_lets_its_retry_run(house: House) -> None:
    first = await house.run("req_1")
    first.whole(200, [JSON], SAID)
    await first.end(keep=False)
    await first.end(keep=True)
    await house.run("req_2")


@pytest.mark.parametrize(("size", "kept"), [(64, True), (65, False)])
async def test_an_answer_over_the_bound_is_refused_but_never_run_again(house: House, size: int, kept: bool) -> None:
    house.gateway = house.again(max_bytes=64)
    first = await house.run()
    first.begin(200, [EVENTS])
    for _ in range(size):
        first.add(b"x")
    await first.end(keep=True)
    if kept:
        assert (await house.repeat()).answer.body == b"x" * 64
    else:
        error = await house.refused()
        assert error.code is ErrorCode.IDEMPOTENCY_UNKEPT
        assert "req_1" in error.message
        assert "64 bytes" in error.message
        assert dict(error.headers) == {"x-should-retry": "false"}


async def test_a_retry_after_a_day_runs(house: House) -> None:
    first = await house.run()
    first.whole(200, [JSON], SAID)
    await first.end(keep=True)
    assert isinstance(await house.ask("req_2", at=NOW + WINDOW_SECONDS - 1), Replay)
    assert isinstance(await house.ask("req_3", at=NOW + WINDOW_SECONDS), Recording)


async def test_what_a_dead_gateway_ran_is_released_and_what_it_kept_is_not(house: House) -> None:
    await house.run("req_1", b"cut")
    kept = await house.run("req_2", b"kept")
    kept.whole(200, [JSON], SAID)
    await kept.end(keep=True)
    house.gateway = house.again()
    assert house.gateway.release_of_others() == 1
    assert (await house.repeat(key=b"kept")).request_id == "req_2"
    await house.run("req_3", b"cut")
    assert house.gateway.release_of_others() == 0


async def test_expired_claims_are_removed(house: House) -> None:
    for n in range(250):
        await house.run(f"req_{n}", b"%d" % n)
    house.gateway.tidy(NOW + WINDOW_SECONDS)
    with house.store.write() as transaction:
        assert transaction.idempotency.purge(NOW + WINDOW_SECONDS, 1) == 0


async def test_nothing_of_it_is_on_disk_in_clear(house: House, tmp_path: Path) -> None:
    first = await house.run()
    first.whole(200, [JSON], SAID)
    await first.end(keep=True)
    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"req_1" in on_disk
    for secret in (b"order-4711", BODY, b"Bob earn", SAID, b"4,711"):
        assert secret not in on_disk


async def test_an_answer_that_was_moved_to_another_key_does_not_open(house: House) -> None:
    first = await house.run()
    first.whole(200, [JSON], SAID)
    await first.end(keep=True)
    robo = replace(house.credential, key_id="key_robo")
    await house.ask("req_1", credential=robo)
    with house.store.write() as transaction:
        stolen = transaction.idempotency.claim(first._claim, "x")
        assert stolen is not None
        of_robo = replace(first._claim, key_id="key_robo", digest=key_digest("key_robo", b"order-4711"))
        transaction.idempotency.keep(of_robo, stolen.answer)
    with pytest.raises(KeyhouseError) as caught:
        await house.ask("req_2", credential=robo)
    assert caught.value.code is ErrorCode.SECRETS_MISSING


async def test_a_store_that_is_away_refuses_the_claim_and_nothing_runs(house: House) -> None:
    house.store.away = True
    assert (await house.refused()).code is ErrorCode.STORE_UNAVAILABLE


async def test_a_claim_whose_commit_was_not_heard_of_is_let_go(house: House) -> None:
    house.store.lost = True
    assert (await house.refused("req_1")).code is ErrorCode.STORE_UNAVAILABLE
    house.store.lost = False
    assert (await house.refused("req_2")).code is ErrorCode.IDEMPOTENCY_RUNNING
    house.gateway.tidy(NOW)
    await house.run("req_3")


@pytest.mark.parametrize("keep", [True, False])
async def test_an_end_that_finds_the_store_away_is_made_up_for(house: House, keep: bool) -> None:
    first = await house.run()
    first.whole(200, [JSON], SAID)
    house.store.away = True
    await first.end(keep=keep)
    with pytest.raises(KeyhouseError):
        house.gateway.tidy(NOW)
    house.store.away = False
    assert (await house.refused()).code is ErrorCode.IDEMPOTENCY_RUNNING
    house.gateway.tidy(NOW)
    if keep:
        assert (await house.refused()).code is ErrorCode.IDEMPOTENCY_UNKEPT
    else:
        await house.run("req_2")


async def test_a_caller_who_is_cancelled_while_it_claims_leaves_no_claim(house: House) -> None:
    with house.store.write():  # the claim waits for this writer
        asking = asyncio.create_task(house.ask())
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    while not house.gateway._unended:
        await asyncio.sleep(0.01)
    house.gateway.tidy(NOW)
    await house.run("req_2")


async def test_the_background_tends_until_it_is_cancelled(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_TEND_SECONDS", 0.01)
    first = await house.run()
    house.store.away = True
    await first.end(keep=False)
    tending = asyncio.create_task(house.gateway.tend())
    await asyncio.sleep(0.05)
    house.store.away = False
    while house.gateway._unended:
        await asyncio.sleep(0.01)
    tending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tending
    await house.run("req_2")


async def sent_again(house: House) -> bytes:
    """What a client is sent whose retry, `req_2`, is answered from the first."""
    wire = Wire()
    exchange = Exchange(wire, b"POST", b"/v1/chat/completions", [], "127.0.0.1")
    exchange.feed_end()
    headers: list[Header] = [(b"x-request-id", b"req_2")]
    replay(exchange, headers, await house.repeat())
    assert exchange.done
    return wire.sent
