"""What every form of the rate counters promises. A form is a factory here; each gets the same clock, which the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from keyhouse.domain.levels import Level
from keyhouse.domain.limits import NO_LIMIT, Amounts, LimitKind, RateLimit
from keyhouse.policy.counters import RateCounters, RateLimited, Standing, Ticket
from keyhouse.policy.windows import WindowCounters
from tests.policy.rates import BATCH, DAILY, IMAGES, REQUESTS, TOKENS, Clock, limit

Form = Callable[[Clock], AbstractAsyncContextManager[RateCounters]]
ONE = Amounts()
MINUTE_MS, DAY_MS = 60_000, 86_400_000
LATE_MS = 1000
"""A place may come free so much later than the window says."""


@asynccontextmanager
async def embedded(clock: Clock) -> AsyncIterator[RateCounters]:
    yield WindowCounters(clock)


FORMS: dict[str, Form] = {"embedded": embedded}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=FORMS)
async def counters(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[RateCounters]:
    async with FORMS[request.param](clock) as made:
        yield made


def tokens(amount: int) -> Amounts:
    return Amounts(1, amount)


async def refused(counters: RateCounters, limits: Sequence[RateLimit], amounts: Amounts = ONE) -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        await counters.take(limits, amounts)
    return caught.value


async def fill(counters: RateCounters, held: RateLimit, times: int) -> list[Ticket]:
    return [await counters.take([held], ONE) for _ in range(times)]


async def test_a_limit_lets_in_as_many_as_it_says_and_not_one_more(counters: RateCounters) -> None:
    held = limit(3)
    await fill(counters, held, 3)
    why = await refused(counters, [held])
    assert (why.limit, why.asked) == (held, 1)


@pytest.mark.parametrize(("kind", "window_ms"), [(REQUESTS, MINUTE_MS), (DAILY, DAY_MS)])
async def test_who_waits_as_told_is_served(
    counters: RateCounters, clock: Clock, kind: LimitKind, window_ms: int
) -> None:
    held = limit(2, kind)
    await fill(counters, held, 1)
    clock.go(20_500)
    await fill(counters, held, 1)
    for _ in range(4):
        wait_ms = (await refused(counters, [held])).retry_after_ms
        assert wait_ms is not None
        assert 0 < wait_ms <= window_ms + LATE_MS
        clock.go(wait_ms)
        await counters.take([held], ONE)


async def test_two_windows_that_touch_are_both_within_the_limit(counters: RateCounters, clock: Clock) -> None:
    """Who counts by the calendar's minute lets in twice the limit around its turn."""
    held = limit(10)
    taken: list[int] = []
    for _ in range(4 * 60):
        for _ in range(3):
            try:
                await counters.take([held], ONE)
                taken.append(clock.now_ms)
            except RateLimited:
                break
        clock.go(997)
    assert len(taken) >= 30
    assert all(later - first > MINUTE_MS for first, later in zip(taken, taken[10:], strict=False))


async def test_a_refused_call_takes_nothing_from_any_limit(counters: RateCounters) -> None:
    wide, narrow = limit(10, level=Level.ORGANIZATION, scope="org_a"), limit(1)
    await counters.take([wide, narrow], ONE)
    before = counters.standing(wide)
    for _ in range(5):
        assert (await refused(counters, [wide, narrow])).limit == narrow
        assert (await refused(counters, [narrow, wide])).limit == narrow
    assert counters.standing(wide) == before
    assert before.remaining == 9


async def test_the_limit_with_the_longest_wait_refuses(counters: RateCounters, clock: Clock) -> None:
    first, second, day = limit(1), limit(1, level=Level.KEY, scope="key_a"), limit(2, DAILY)
    await counters.take([first, day], ONE)
    clock.go(5_000)
    await counters.take([second], ONE)
    why = await refused(counters, [first, second, day])
    assert why.limit == second
    await counters.take([day], ONE)
    assert (await refused(counters, [first, second, day])).limit == day


async def test_who_asks_for_more_than_the_limit_is_not_told_to_wait(counters: RateCounters) -> None:
    requests, held = limit(1), limit(100, TOKENS)
    await counters.take([requests, held], tokens(100))
    why = await refused(counters, [requests, held], tokens(101))
    assert (why.limit, why.asked, why.retry_after_ms) == (held, 101, None)


@pytest.mark.parametrize("kind", [REQUESTS, TOKENS, DAILY])
@pytest.mark.parametrize("amount", [0, 1])
async def test_a_limit_of_zero_refuses_every_call(counters: RateCounters, kind: LimitKind, amount: int) -> None:
    held = limit(0, kind)
    assert (await refused(counters, [held], tokens(amount))).retry_after_ms is None
    assert counters.standing(held) == Standing(0, 0, 0)


@pytest.mark.parametrize("kind", [IMAGES, LimitKind.AUDIO_MEGABYTES_PER_MINUTE, BATCH])
async def test_a_limit_of_zero_images_lets_calls_without_images_pass(counters: RateCounters, kind: LimitKind) -> None:
    held = limit(0, kind)
    await counters.take([held], tokens(5))
    assert (await refused(counters, [held], Amounts(1, 5, 1, 1, 1))).retry_after_ms is None


@pytest.mark.parametrize("most", [NO_LIMIT, 2**31, 2**40])
async def test_huge_limits_are_exact_too(counters: RateCounters, most: int) -> None:
    held = limit(most, TOKENS)
    await counters.take([held], tokens(most - 1))
    assert counters.standing(held).remaining == 1
    assert (await refused(counters, [held], tokens(2))).retry_after_ms is not None
    await counters.take([held], tokens(1))
    assert counters.standing(held).remaining == 0


async def test_what_was_taken_too_much_is_free_at_once(counters: RateCounters, clock: Clock) -> None:
    held = limit(1000, TOKENS)
    ticket = await counters.take([held], tokens(900))
    clock.go(3_000)
    assert await refused(counters, [held], tokens(200))
    await counters.correct(ticket, tokens(100))
    assert counters.standing(held).remaining == 900
    await counters.take([held], tokens(900))
    assert counters.standing(held).remaining == 0


async def test_what_was_taken_too_little_counts_from_its_settlement(counters: RateCounters, clock: Clock) -> None:
    held = limit(1000, TOKENS)
    ticket = await counters.take([held], tokens(100))
    clock.go(50_000)
    await counters.correct(ticket, tokens(700))
    assert counters.standing(held).remaining == 300
    clock.go(MINUTE_MS - 50_000 + LATE_MS)
    assert counters.standing(held).remaining == 400
    clock.go(50_000)
    assert counters.standing(held) == Standing(1000, 1000, 0)


async def test_above_the_limit_nothing_is_admitted_until_it_is_under_again(
    counters: RateCounters, clock: Clock
) -> None:
    held = limit(1000, TOKENS)
    ticket = await counters.take([held], tokens(600))
    clock.go(10_000)
    await counters.take([held], tokens(400))
    await counters.correct(ticket, tokens(1200))
    assert counters.standing(held).remaining == 0
    why = await refused(counters, [held], tokens(0))
    assert why.retry_after_ms is not None
    clock.go(why.retry_after_ms)
    await counters.take([held], tokens(0))
    later = (await refused(counters, [held], tokens(1))).retry_after_ms
    assert later is not None
    clock.go(later)
    await counters.take([held], tokens(1))


async def test_what_counts_no_more_is_not_freed_from_others(counters: RateCounters, clock: Clock) -> None:
    held = limit(1000, TOKENS)
    long_gone = await counters.take([held], tokens(800))
    clock.go(MINUTE_MS + LATE_MS)
    await counters.take([held], tokens(1000))
    await counters.correct(long_gone, tokens(0))
    assert counters.standing(held).remaining == 0
    clock.go(2 * MINUTE_MS)
    also_gone = await counters.take([held], tokens(10))
    clock.go(2 * MINUTE_MS)
    await counters.give_back(also_gone)
    assert counters.standing(held) == Standing(1000, 1000, 0)


async def test_a_call_that_never_was_leaves_nothing(counters: RateCounters, clock: Clock) -> None:
    limits = [limit(1), limit(100, TOKENS), limit(1, DAILY), limit(1, level=Level.KEY, scope="key_a")]
    ticket = await counters.take(limits, tokens(60))
    clock.go(1500)
    await counters.give_back(ticket)
    assert [counters.standing(held) for held in limits] == [Standing(held.limit, held.limit, 0) for held in limits]
    await counters.take(limits, tokens(100))


async def test_a_settlement_twice_never_leaves_less_than_nothing(counters: RateCounters) -> None:
    held = limit(5)
    ticket = await counters.take([held], ONE)
    for _ in range(3):
        await counters.give_back(ticket)
    assert counters.standing(held).remaining == 5


async def test_a_negative_correction_counts_as_nothing(counters: RateCounters) -> None:
    held = limit(100, TOKENS)
    await counters.take([held], tokens(40))
    ticket = await counters.take([held], tokens(10))
    await counters.correct(ticket, Amounts(1, -50))
    assert counters.standing(held).remaining == 60


async def test_an_absurd_correction_fills_the_window_and_passes(counters: RateCounters, clock: Clock) -> None:
    held = limit(100, TOKENS)
    for _ in range(3):
        await counters.correct(await counters.take([held], tokens(0)), tokens(2**70))
        assert counters.standing(held).remaining == 0
        wait_ms = (await refused(counters, [held], tokens(0))).retry_after_ms
        assert wait_ms is not None
        clock.go(wait_ms)


async def test_a_limit_that_is_lowered_holds_for_what_was_taken_before(counters: RateCounters) -> None:
    high = limit(10)
    await fill(counters, high, 4)
    low = high._replace(limit=3)
    assert await refused(counters, [low])
    assert counters.standing(low).remaining == 0
    assert counters.standing(high).remaining == 6
    await fill(counters, high, 6)
    assert await refused(counters, [high])


async def test_names_are_counted_apart(counters: RateCounters) -> None:
    names = [
        limit(1),
        limit(1, DAILY),
        limit(1, scope="proj_b"),
        limit(1, level=Level.KEY),
        RateLimit(limit(1).name._replace(model="gpt-4o-mini"), 1),
    ]
    for held in names:
        await counters.take([held], ONE)
    for held in names:
        assert (await refused(counters, [held])).limit == held


async def test_standing_says_what_is_left_and_when_all_of_it_is_back(counters: RateCounters, clock: Clock) -> None:
    held = limit(5)
    assert counters.standing(held) == Standing(5, 5, 0)
    await fill(counters, held, 1)
    clock.go(30_000)
    await fill(counters, held, 2)
    standing = counters.standing(held)
    assert (standing.limit, standing.remaining) == (5, 2)
    assert MINUTE_MS < standing.reset_ms <= MINUTE_MS + LATE_MS
    clock.go(standing.reset_ms - 1)
    assert counters.standing(held) == Standing(5, 3, 1)
    clock.go(1)
    assert counters.standing(held) == Standing(5, 5, 0)


async def test_a_clock_that_stands_still_lets_in_the_limit_and_no_more(counters: RateCounters) -> None:
    held = limit(100)
    for _ in range(100):
        await counters.take([held], ONE)
    waits = {(await refused(counters, [held])).retry_after_ms for _ in range(100)}
    assert len(waits) == 1
