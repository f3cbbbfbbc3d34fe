"""The embedded rate counters, to the cell and the millisecond."""

from __future__ import annotations

from keyhouse.domain.levels import Level
from keyhouse.domain.limits import DAY, MINUTE, Amounts, RateLimit
from keyhouse.policy.cells import MOST_CELLS, Window
from keyhouse.policy.counters import RateLimited, Standing
from keyhouse.policy.windows import WindowCounters, monotonic_ms
from tests.policy.rates import DAILY, REQUESTS, TOKENS, Clock, Event, by_the_second, limit

ONE = Amounts()


async def refusal(counters: WindowCounters, held: RateLimit, amounts: Amounts = ONE) -> RateLimited | None:
    try:
        await counters.take([held], amounts)
    except RateLimited as limited:
        return limited
    return None


async def test_a_place_comes_free_when_its_whole_second_is_a_window_ago() -> None:
    clock = Clock(5_250)
    counters = WindowCounters(clock)
    held = limit(1)
    await counters.take([held], ONE)
    clock.go(750)
    why = await refusal(counters, held)
    assert why is not None
    assert why.retry_after_ms == 66_000 - 6_000
    clock.go(59_999)
    why = await refusal(counters, held)
    assert why is not None
    assert why.retry_after_ms == 1
    clock.go(1)
    assert await refusal(counters, held) is None


async def test_calls_of_one_second_share_a_cell() -> None:
    clock = Clock(1_000)
    counters = WindowCounters(clock)
    held = limit(2)
    await counters.take([held], ONE)
    clock.go(999)
    await counters.take([held], ONE)
    clock.go(1)
    why = await refusal(counters, held)
    assert why is not None
    assert why.retry_after_ms == 60_000


async def test_empty_windows_are_forgotten_by_the_calls_that_come() -> None:
    clock = Clock()
    counters = WindowCounters(clock)
    for n in range(500):
        await counters.take([limit(5, scope=f"proj_{n}"), limit(5, DAILY, scope=f"proj_{n}")], ONE)
    assert len(counters) == 1000
    clock.go(61_000)
    for _ in range(20):
        await counters.take([limit(100)], ONE)
    assert len(counters) == 501
    clock.go(86_401_000)
    for _ in range(20):
        await counters.take([limit(100)], ONE)
    assert len(counters) == 1


async def test_a_window_that_was_still_in_use_when_it_was_looked_at_is_forgotten_later() -> None:
    clock = Clock()
    counters = WindowCounters(clock)
    for wait_ms in (0, 30_000, 31_000):
        clock.go(wait_ms)
        await counters.take([limit(5)], ONE)
    clock.go(125_000)
    await counters.take([limit(5, scope="proj_b")], ONE)
    assert len(counters) == 1


async def test_names_that_come_once_never_pile_up() -> None:
    clock = Clock()
    counters = WindowCounters(clock)
    most = 0
    for n in range(20_000):
        levels = [limit(5, kind, level, f"{n}") for level in Level for kind in (REQUESTS, TOKENS)]
        await counters.take(levels, ONE)
        clock.go(100)
        most = max(most, len(counters))
    assert most <= 6 * 10 * (MINUTE + 2)


async def test_a_window_in_use_is_not_forgotten() -> None:
    clock = Clock()
    counters = WindowCounters(clock)
    held = limit(3, DAILY)
    await counters.take([held], ONE)
    for _ in range(2000):
        clock.go(43_000)
        await counters.take([limit(1000, scope="proj_b")], ONE)
    assert counters.standing(held).remaining == 2
    clock.go(401_000)
    assert counters.standing(held) == Standing(3, 3, 0)


def test_a_call_in_every_second_of_a_day_is_held_in_little() -> None:
    window = Window(DAY, 0, 0)
    exact, late = by_the_second(DAY), by_the_second(DAY, late=60)
    for cell in range(2 * DAY):
        event = Event(cell * 1000, 1 + cell % 3)
        assert window.take(cell, event.amount, 10**9)
        exact.add(event)
        late.add(event)
        if not cell % 7:
            assert exact.total(cell * 1000) <= window.used <= late.total(cell * 1000)
            assert len(window) <= MOST_CELLS
    assert window.reset_ms(2 * DAY * 1000) == DAY * 1000


def test_what_a_merged_cell_holds_can_still_be_freed() -> None:
    window = Window(DAY, 0, 0)
    for cell in range(MOST_CELLS + 10):
        window.take(cell, 5, 10**9)
    assert len(window) < MOST_CELLS
    for cell in range(MOST_CELLS + 10):
        window.free(MOST_CELLS + 10, cell, 4)
    assert window.used == MOST_CELLS + 10
    last = MOST_CELLS + DAY + 9
    window.free(last, 0, 1)  # gone with its minute
    window.free(last, MOST_CELLS + 9, 1)
    assert window.used == 0


async def test_restored_counts_go_on_where_they_were() -> None:
    clock = Clock(500)  # the machine has just started: what was taken before is before the clock's own beginning
    counters = WindowCounters(clock)
    held = limit(4, DAILY)
    counters.restore(held.name, [(1_000, 1), (80_000_000, 2), (-5_000, 1)])
    why = await refusal(counters, held)
    assert why is not None
    assert why.retry_after_ms == 86_401_000 - 80_000_000 - 500
    clock.go(why.retry_after_ms)
    await counters.take([held], ONE)
    await counters.take([held], ONE)
    assert await refusal(counters, held) is not None


async def test_what_is_restored_adds_to_what_was_taken() -> None:
    clock = Clock()
    counters = WindowCounters(clock)
    held = limit(10, DAILY)
    ticket = await counters.take([held], ONE)
    counters.restore(held.name, [(0, 3), (60_000, 2)])
    assert counters.standing(held).remaining == 4
    await counters.give_back(ticket)
    assert counters.standing(held).remaining == 5


async def test_what_is_restored_of_a_time_too_long_ago_is_forgotten() -> None:
    counters = WindowCounters(Clock())
    held = limit(10, DAILY)
    counters.restore(held.name, [(86_402_000, 3)])
    assert counters.standing(held) == Standing(10, 10, 0)
    counters.restore(held.name, [])
    assert counters.standing(held) == Standing(10, 10, 0)


async def test_the_clock_of_a_gateway_counts_milliseconds_and_never_goes_back() -> None:
    readings = [monotonic_ms() for _ in range(1000)]
    assert readings == sorted(readings)
    held = limit(1)
    counters = WindowCounters()
    await counters.take([held], ONE)
    why = await refusal(counters, held)
    assert why is not None
    assert why.retry_after_ms is not None
    assert 59_000 < why.retry_after_ms <= 61_000
