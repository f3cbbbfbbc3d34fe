"""Periods: every second lies in exactly one, and they tile time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.budgets import FOREVER, AtEnd, Budget, Interval, period_of
from keyhouse.domain.levels import Level

DAY = 86_400
seconds = st.integers(0, 4_102_444_800 + 400 * DAY)
"""To beyond the year 2100, which is no leap year."""


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@given(seconds, st.sampled_from(Interval))
def test_a_second_lies_in_its_period(second: int, interval: Interval) -> None:
    start, end = period_of(interval, second)
    assert start <= second < end
    assert period_of(interval, start) == period_of(interval, end - 1) == (start, end)


@given(seconds, st.sampled_from([Interval.DAY, Interval.WEEK, Interval.MONTH]))
def test_periods_tile(second: int, interval: Interval) -> None:
    start, end = period_of(interval, second)
    assert period_of(interval, end).start == end
    if start > 0:
        assert period_of(interval, start - 1).end == start
    assert start % DAY == end % DAY == 0


@given(seconds)
def test_a_week_begins_on_monday_and_a_month_on_its_first(second: int) -> None:
    week, month = period_of(Interval.WEEK, second), period_of(Interval.MONTH, second)
    assert week.end - week.start == 7 * DAY
    assert datetime.fromtimestamp(week.start, UTC).weekday() == 0
    first, now = datetime.fromtimestamp(month.start, UTC), datetime.fromtimestamp(second, UTC)
    assert (first.year, first.month, first.day) == (now.year, now.month, 1)
    assert datetime.fromtimestamp(month.end, UTC).day == 1
    assert 28 * DAY <= month.end - month.start <= 31 * DAY


@pytest.mark.parametrize(
    ("interval", "moment", "start", "end"),
    [
        (Interval.DAY, "2028-02-29T23:59:59", "2028-02-29", "2028-03-01"),
        (Interval.WEEK, "2028-02-29T12:00:00", "2028-02-28", "2028-03-06"),
        (Interval.WEEK, "2026-11-29T23:59:59", "2026-11-23", "2026-11-30"),
        (Interval.WEEK, "2026-11-30T00:00:00", "2026-11-30", "2026-12-07"),
        (Interval.MONTH, "2028-02-29T23:59:59", "2028-02-01", "2028-03-01"),
        (Interval.MONTH, "2100-02-28T23:59:59", "2100-02-01", "2100-03-01"),
        (Interval.MONTH, "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
        (Interval.MONTH, "2027-01-01T00:00:00", "2027-01-01", "2027-02-01"),
    ],
)
def test_periods_are_the_calendars(interval: Interval, moment: str, start: str, end: str) -> None:
    assert period_of(interval, at(moment)) == (at(start), at(end))


@given(seconds)
def test_total_is_one_period(second: int) -> None:
    assert period_of(Interval.TOTAL, second) == (0, FOREVER)


@pytest.mark.parametrize(("now", "amount"), [(99, 15), (100, 10), (101, 10)])
def test_an_increase_ends_in_its_second(now: int, amount: int) -> None:
    budget = Budget(
        "b", "o", Level.ORGANIZATION, "o", "n", 10, Interval.DAY, AtEnd.REFUSE, 1, increase_nanos=5, increase_until=100
    )  # fmt: skip
    assert budget.amount_at(now) == amount
