"""The embedded rate counters against an oracle that remembers every event: random calls, and a million in bursts."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyhouse.domain.levels import Level
from keyhouse.domain.limits import Amounts, RateLimit
from tests.policy.rates import DAILY, IMAGES, REQUESTS, TOKENS, limit
from tests.policy.rates_compared import Bursts, Compared, Taken

_HELD = st.lists(
    st.tuples(st.sampled_from(Level), st.sampled_from([REQUESTS, TOKENS, IMAGES, DAILY]), st.integers(0, 6)),
    min_size=1,
    max_size=4,
    unique_by=lambda held: held[:2],
)
_AMOUNTS = st.builds(Amounts, st.just(1), st.integers(0, 4), st.integers(0, 2))
_GAP_MS = st.one_of(st.integers(0, 2_000), st.integers(50_000, 70_000), st.integers(86_300_000, 86_500_000))
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("go"), _GAP_MS),
        st.tuples(st.just("call"), _HELD, _AMOUNTS, st.booleans()),
        st.tuples(st.just("correct"), st.integers(0, 50), _AMOUNTS),
        st.tuples(st.just("give back"), st.integers(0, 50)),
    ),
    max_size=60,
)


@given(_STEPS)
@settings(max_examples=300, deadline=None)
@pytest.mark.asyncio
async def test_whatever_comes_the_oracle_would_have_decided_the_same(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    compared, taken = Compared(), []
    for what, *said in steps:
        if what == "go":
            compared.clock.go(said[0])
        elif what == "call":
            limits = [limit(most, kind, level, level.value) for level, kind, most in said[0]]
            taken += await called(compared, limits, said[1], waits=said[2])
        elif taken:
            one = taken.pop(said[0] % len(taken))
            await (compared.give_back(one) if what == "give back" else compared.correct(one, said[1]))


async def called(compared: Compared, limits: list[RateLimit], amounts: Amounts, *, waits: bool) -> list[Taken]:
    answer = await compared.call(limits, amounts)
    if waits and isinstance(answer, int):
        answer = await compared.wait(limits, amounts, answer)
    return [answer] if isinstance(answer, Taken) else []


async def test_bursts_never_pass_a_limit_and_who_waits_as_told_is_served(long_form: bool) -> None:
    """A million calls in the long form."""
    calls = 1_000_000 if long_form else 20_000
    compared = await Bursts(Random(2026)).run(calls)  # noqa: S311 - dice, seeded
    print(
        f"{compared.calls:,} calls, {compared.admitted:,} let in, {compared.waited:,} waited; {compared.overfull:,} overfull"
    )
    assert compared.calls >= calls
    assert compared.calls // 10 < compared.admitted < compared.calls * 9 // 10
    assert compared.waited > calls // 500
    assert compared.overfull > calls // 500
