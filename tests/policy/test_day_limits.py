"""Limits of a day outlive the process that counts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from keyhouse.domain.levels import Level
from keyhouse.domain.limits import DAY, Amounts, RateLimit, RateLimitRule, RateLimits, rule_id
from keyhouse.domain.people import Member, OrganizationRole, Person
from keyhouse.domain.projects import Organization, Project
from keyhouse.ledger.rollup import catch_up
from keyhouse.policy.counters import RateLimited
from keyhouse.policy.day_limits import restore_day_limits
from keyhouse.policy.windows import WindowCounters
from keyhouse.store.contract import Store
from tests.fixtures.fresh import fresh_store
from tests.ledger.rollup_rows import ORGANIZATION, T0, usage_row
from tests.policy.rates import DAILY, Clock, limit

NOON = T0 + DAY // 2
HOUR = 3600


class House:
    """A gateway's part in it: calls of one model in one project, each with its row."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOON
        self.start()

    def start(self, *, set_back: int = 0) -> None:
        """A process of its own: another monotonic clock, nothing in memory but what it finds."""
        self.clock = Clock(self.now % 1000 * 77)
        self.counters = WindowCounters(self.clock)
        catch_up(self.store)
        restore_day_limits(self.counters, self.store, self.now - set_back)

    def go(self, seconds: int) -> None:
        self.now += seconds
        self.clock.go(seconds * 1000)

    async def call(self, limits: Sequence[RateLimit]) -> None:
        await self.counters.take(limits, Amounts())
        self.store.ledger.append(
            [usage_row(at=self.now, model="gpt-4o-2024", model_asked="gpt-4o", project_id="proj_a")]
        )

    async def wait_ms(self, held: RateLimit) -> int:
        """How long a refused call is told to wait."""
        with pytest.raises(RateLimited) as caught:
            await self.counters.take([held], Amounts())
        assert caught.value.retry_after_ms is not None
        return caught.value.retry_after_ms


@pytest.fixture(params=["sqlite", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    store = fresh_store(tmp_path / "house", url)
    alice = Person("user-alice", "alice@example.com", "Alice", T0)
    with store.write() as tx:
        tx.organizations.add(Organization(ORGANIZATION, "House", T0))
        tx.people.add(alice, Member(ORGANIZATION, alice.id, OrganizationRole.OWNER, T0))
        tx.projects.add(Project("proj_a", ORGANIZATION, "A", T0))
        for project_id in ("proj_a", None):
            name = rule_id(project_id or ORGANIZATION, "gpt-4o")
            daily = RateLimits(max_requests_per_1_day=4)
            tx.rate_limits.put(RateLimitRule(name, ORGANIZATION, project_id, "gpt-4o", T0, daily))
    yield House(store)
    store.close()


OF_PROJECT = limit(4, DAILY)
OF_ORGANIZATION = limit(4, DAILY, Level.ORGANIZATION, ORGANIZATION)
BOTH = [OF_PROJECT, OF_ORGANIZATION]


async def test_a_restart_in_the_middle_of_the_day_goes_on_refusing(house: House) -> None:
    for hours in (0, 2, 0, 3):
        house.go(hours * HOUR)
        await house.call(BOTH)
    house.go(HOUR)
    house.start()
    for held in BOTH:
        assert house.counters.standing(held).remaining == 0
        wait_ms = await house.wait_ms(held)
        # The first call was 6 hours ago; only its minute is known.
        assert (18 * HOUR) * 1000 < wait_ms <= (18 * HOUR + 61) * 1000
    house.clock.go(wait_ms)
    await house.call(BOTH)
    await house.wait_ms(OF_PROJECT)


async def test_a_place_is_never_free_before_a_day_is_over(house: House) -> None:
    began = []
    for _ in range(4):
        began.append(house.now)
        await house.call(BOTH)
        house.go(1013)
    while len(began) < 12:
        house.start()
        wait_ms = await house.wait_ms(OF_PROJECT)
        house.go(-(-wait_ms // 1000))
        house.start()
        await house.call(BOTH)
        began.append(house.now)
    assert all(DAY < later - first <= DAY + 122 for first, later in zip(began, began[4:], strict=False))


async def test_restarts_count_nothing_twice_and_a_day_without_calls_is_a_clean_slate(house: House) -> None:
    await house.call(BOTH)
    for _ in range(5):
        house.start()
    assert house.counters.standing(OF_PROJECT).remaining == 3
    house.go(DAY + 120)
    house.start()
    assert house.counters.standing(OF_PROJECT) == (4, 4, 0)


async def test_rows_that_were_not_rolled_up_when_the_process_was_killed_count(house: House) -> None:
    await house.call(BOTH)
    catch_up(house.store)
    await house.call(BOTH)
    await house.call(BOTH)
    house.start()
    assert house.counters.standing(OF_PROJECT).remaining == 1


async def test_calls_ahead_of_a_clock_that_was_set_back_count_as_new(house: House) -> None:
    for _ in range(4):
        await house.call(BOTH)
    house.start(set_back=HOUR)
    wait_ms = await house.wait_ms(OF_PROJECT)
    assert DAY * 1000 < wait_ms <= (DAY + 1) * 1000


async def test_limits_of_a_minute_begin_anew(house: House) -> None:
    minute = limit(1)
    await house.call([minute])
    house.start()
    await house.call([minute])
