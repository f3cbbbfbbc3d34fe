"""A stream goes exactly as far as its money."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from keyhouse.edge.allowance import Allowance


@dataclass
class Stream:
    """A stream whose events cost `envelope` bytes each beside their text."""

    envelope: int = 200
    size: int = 0
    events: int = 0
    smallest: int = 1 << 20
    said: list[str] = field(default_factory=list)

    def add(self, text: str, beside: int = 0) -> None:
        size = self.envelope + beside + len(text.encode())
        self.said.append(text)
        self.events += 1
        self.size += size
        self.smallest = min(self.smallest, size)

    def texts(self) -> list[str]:
        return self.said


@dataclass
class Purse:
    """Slices of money, and a tokenizer whose tokens are `bytes_a_token` bytes long."""

    slices: int
    bytes_a_token: int
    taken: int = 0
    counted: int = 0

    async def take(self) -> bool:
        if self.taken == self.slices:
            return False
        self.taken += 1
        return True

    async def count(self, text: str) -> int:
        self.counted += 1
        return -(-len(text.encode()) // self.bytes_a_token)


def relayed(allowance: Allowance, stream: Stream, texts: list[str], first_beside: int = 0) -> list[str]:
    """The texts that pass, as the relay asks: a look only where one is due, and nothing unpaid is forwarded.
    `first_beside`: bytes that only the first event has beside its text."""
    passed: list[str] = []

    async def run() -> None:
        for text in texts:
            stream.add(text, 0 if stream.events else first_beside)
            if stream.size - stream.events * allowance.envelope > allowance.look_at and not await allowance.look(
                stream
            ):
                return
            passed.append(text)

    asyncio.run(run())
    return passed


TEXTS = st.lists(st.text(min_size=0, max_size=40), max_size=300)


@given(TEXTS, st.integers(0, 6), st.integers(1, 6), st.integers(1, 50), st.integers(30, 400))
def test_an_undeclared_stream_never_passes_its_money(
    texts: list[str], slices: int, bytes_a_token: int, slice_tokens: int, envelope: int
) -> None:
    purse = Purse(slices, bytes_a_token)
    allowance = Allowance(slice_tokens, 0, slice_tokens, purse.take, purse.count)
    passed = relayed(allowance, Stream(envelope), texts)
    paid = slice_tokens * (1 + purse.taken)
    assert -(-len("".join(passed).encode()) // bytes_a_token) <= paid == allowance.paid
    if passed != texts:  # what stopped it is the end of the money, not a guess
        stopped_at = texts[: len(passed) + 1]
        assert purse.taken == slices
        assert sum(-(-len(text.encode()) // bytes_a_token) for text in stopped_at) > paid


@given(TEXTS, st.integers(1, 6), st.integers(1, 50))
def test_a_stream_that_keeps_its_declared_bound_is_never_stopped(
    texts: list[str], bytes_a_token: int, slice_tokens: int
) -> None:
    declared = sum(-(-len(text.encode()) // bytes_a_token) for text in texts)
    purse = Purse(0, bytes_a_token)
    allowance = Allowance(declared, slice_tokens, slice_tokens, purse.take, purse.count)
    assert relayed(allowance, Stream(), texts) == texts


@given(st.integers(1, 6), st.integers(1, 200), st.integers(1, 50))
def test_an_upstream_that_breaks_the_declared_bound_is_stopped_within_a_slice(
    bytes_a_token: int, declared: int, slice_tokens: int
) -> None:
    purse = Purse(0, bytes_a_token)
    allowance = Allowance(declared, slice_tokens, slice_tokens, purse.take, purse.count)
    text = "x" * bytes_a_token  # one token
    passed = relayed(allowance, Stream(), [text] * (declared + 10 * slice_tokens + 10))
    assert declared <= len(passed) <= declared + slice_tokens


@given(st.integers(0, 20_000), st.integers(1, 50), st.integers(30, 400))
def test_a_first_event_larger_than_all_others_lets_nothing_pass_unpaid(
    beside: int, slice_tokens: int, envelope: int
) -> None:
    purse = Purse(1, 1)
    allowance = Allowance(slice_tokens, 0, slice_tokens, purse.take, purse.count)
    passed = relayed(allowance, Stream(envelope), ["a"] * 1_000, beside)
    assert len(passed) == 2 * slice_tokens


def test_while_there_is_money_no_token_is_counted() -> None:
    purse = Purse(1_000, 4)
    allowance = Allowance(1_000, 0, 1_000, purse.take, purse.count)
    texts = ["four"] * 20_000
    assert relayed(allowance, Stream(), texts) == texts
    assert purse.counted == 0


def test_a_stream_is_looked_at_rarely_while_it_is_far_from_the_end() -> None:
    purse = Purse(0, 4)
    allowance = Allowance(4_000, 0, 1_000, purse.take, purse.count)
    looks = 0
    stream = Stream()

    async def run() -> None:
        nonlocal looks
        for _ in range(1_000):
            stream.add("word")
            if stream.size - stream.events * allowance.envelope > allowance.look_at:
                looks += 1
                assert await allowance.look(stream)

    asyncio.run(run())
    assert looks < 100
